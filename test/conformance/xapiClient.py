"""PyPI's XenAPI against a simulated pool: a network, its VLAN, what is refused, and away with both. Prints what it saw as JSON."""

import json
import sys

import XenAPI

slave, master, user, password = sys.argv[1:]
seen = {}

session = XenAPI.Session(slave, ignore_ssl=True)
try:
    session.login_with_password(user, password, "2.0", "xapiClient.py")
except XenAPI.Failure as failure:
    seen["slave"] = failure.details[0]

session = XenAPI.Session(master, ignore_ssl=True)
try:
    session.login_with_password(user, "wrong", "2.0", "xapiClient.py")
except XenAPI.Failure as failure:
    seen["wrong password"] = failure.details[0]
session.login_with_password(user, password, "2.0", "xapiClient.py")

xenapi = session.xenapi
seen["version"] = session.API_version
guests = xenapi.network.get_by_name_label("guests")[0]
pif = xenapi.network.get_PIFs(guests)[0]
record = {"name_label": "made by Python", "name_description": "", "MTU": "1500", "other_config": {"by": "<&>"}, "tags": ["a"]}
network = xenapi.network.create(record)
vlan = xenapi.VLAN.create(pif, "100", network)
made = xenapi.network.get_record(network)
seen["network"] = [made["name_label"], made["other_config"], made["tags"], made["MTU"], len(made["PIFs"])]
of_vlan = xenapi.PIF.get_record(made["PIFs"][0])
seen["PIF"] = [of_vlan["device"], of_vlan["VLAN"], of_vlan["currently_attached"]]
try:
    xenapi.VLAN.create(pif, "100", guests)
except XenAPI.Failure as failure:
    seen["second"] = failure.details[0]
try:
    xenapi.VLAN.create(pif, "4095", xenapi.network.create(dict(record, name_label="other")))
except XenAPI.Failure as failure:
    seen["4095"] = failure.details
xenapi.VLAN.destroy(vlan)
xenapi.network.destroy(network)
seen["left"] = xenapi.network.get_by_name_label("made by Python")
session.xenapi.session.logout()
print(json.dumps(seen))
