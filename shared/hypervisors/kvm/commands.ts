/**
 * Every command that the KVM driver runs on a host, whole and fixed: none is ever built from data, which travels through
 * stdin only (batch.ts). A simulated host answers these strings by equality.
 */
import { inTime, lock, lockFileFailed, script, vxlanLock } from './script.ts'

/** CloudStack's script for VXLAN, where its packages put it. A site may have its own in that place (FACTS B4). */
const modifyVxlan = '/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh'

/** The agent's own configuration (FACTS B6). It holds secrets too, so only the keys that are named below leave the host. */
const agentProperties = '/etc/cloudstack/agent/agent.properties'

/**
 * The sections of an observation, in the order in which they are printed. A `.bashrc` may print what it likes before the
 * first one, and `end` proves that nothing was cut off.
 */
export const sections = ['host', 'links', 'kernel', 'routes', 'vxlanScript', 'agent', 'openVswitch', 'end'] as const
export type Section = (typeof sections)[number]

/** The line that begins a section. */
export const marker = (section: Section): string => `@@bridgekeeper:${section}@@`

/** Printed instead of the IPv6 switches by a kernel without IPv6. */
export const withoutIpv6 = 'without ipv6'
/** Printed in the place of the devices' link groups where no group has a name: then `ip` prints numbers, and they are as good. */
export const withoutGroupNames = 'without group names'
/** Printed before the agent's keys, where its file can be read. */
export const readable = 'readable'

/** Printed behind what ovs-vsctl says where it fails. */
export const unreadable = 'unreadable'

/** The key of the agent's driver for guest traffic, or for all. */
const vifDriver = 'libvirt[.]vif[.]driver([.]Guest)?[[:space:]=:]'

/**
 * Where the kernel says what is read in the section `kernel`, beside the IPv6 switch of every device, and its link group if it
 * has one and groups have names.
 */
export const kernelFiles = {
  uptime: '/proc/uptime',
  igmpMaxMemberships: '/proc/sys/net/ipv4/igmp_max_memberships',
  optmemMax: '/proc/sys/net/core/optmem_max',
} as const

/** Where iproute2 of any version looks for names of link groups. */
const groupNames = ['/etc', '/usr/share', '/usr/lib']
  .map((at) => `${at}/iproute2/group ${at}/iproute2/group.d/*`)
  .join(' ')
/** Printed after the section `host` in the place of all others: the host is as the digest on stdin says. */
export const sameMarker = '@@bridgekeeper:same@@'

/** Taps of VMs come and go, and decide nothing: neither these devices nor their switches are part of a digest (digest.ts). */
export const tapName = /^vnet\d+$/

/** The limits that are part of a digest, in its order. */
export const limitFiles = [kernelFiles.igmpMaxMemberships, kernelFiles.optmemMax] as const

const mark = (section: Section): string => `echo "${marker(section)}"`

/**
 * `ip -d -o link` in the words of digest.ts, a line for each device but for taps: index, name, 1 if it is up, MTU, master,
 * group; of a VLAN or VXLAN device its protocol, id, group or remote end, device and port; other names. Other lines stay as
 * they are. An iproute2 that prints them otherwise costs no more than a listing.
 */
const briefly = `awk "
  /^vnet[0-9]+.disable_ipv6:/ { next }
  !/^[0-9]+: / { print; next }
  /^[0-9]+: vnet[0-9]+: .* tun type tap / && !/ altname / { next }
  {
    line = \\$1 FS \\$2 FS (\\$3 ~ /[<,]UP[,>]/); own = 1
    for (i = 4; i < NF; i++) {
      if (\\$i ~ /^(vlan|vxlan)\\$/ && \\$(i + 1) ~ /^(protocol|id|external)\\$/) own = 2
      if (\\$i ~ /^(link.*|addrgenmode|bridge_slave|numtxqueues)\\$/) own = 0
      if (own == 1 && \\$i ~ /^(mtu|master|group)\\$/) line = line FS \\$(i + 1)
      if (own == 2 && \\$i ~ /^(protocol|id|group|remote|dev|dstport)\\$/) line = line FS \\$(i + 1)
      if (\\$i ~ /^altname\\$/) line = line FS \\$(i + 1)
    }
    print line
  }"`

/** How observeCommand ends where it is not root, before it reads anything: what it is instead is on stderr. */
export const notRootEnd = 77

/**
 * Prints what observe.ts reads, where the shell is root: hostname and boot id, all links, all disable_ipv6, marks, limits,
 * multicast routes, whether modifyvxlan.sh says `group` outside of a comment, the agent's device and bridge keys; where these
 * name Open vSwitch, its bridges, ports and interfaces, within 5 seconds. On stdin there may be the digest of an earlier
 * listing: then, where the host makes the same one of itself, it prints the first of these and `same`.
 *
 * A host of few devices is looked at for as long as processes take to start, so none is started for what the shell can do by
 * itself: a kernel's text it reads, a kernel's number it cannot (docs/kernel.md).
 */
const observation = `while read -r key real effective others; do [ "$key" != Uid: ] || break; done </proc/self/status
[ "$effective" = 0 ] || { id >&2; exit ${notRootEnd}; }
read -r known || known=
identity() {
  ${mark('host')}
  read -r name </proc/sys/kernel/hostname; echo "$name"
  read -r boot </proc/sys/kernel/random/boot_id; echo "$boot"
}
# All IPv6 switches and limits, and what else is named, without a second read of each file. It stays where it has gone.
numbers() {
  if cd /proc/sys/net/ipv6/conf 2>/dev/null; then grep -m1 -Hs "" -- */disable_ipv6 ${limitFiles.join(' ')} "$@"
  else echo "${withoutIpv6}"; grep -m1 -Hs "" -- ${limitFiles.join(' ')} "$@"; fi
}
# Whether a group has a name, beside that of 0.
groups_have_names() {
  for file in ${groupNames}; do
    [ -r "$file" ] || continue
    while read -r id name more || [ -n "$id" ]; do
      case "$id $name $more" in "#"* | "  " | "0 default ") ;; *) return 0 ;; esac
    done <"$file"
  done
  return 1
}
# Whether ip is worth its start: there is a route to 239.0.0.0/8 in the main table, or it is too long to be read here.
may_have_routes() {
  lines=0
  while read -r device to more; do
    case "$to" in ??????EF | EF??????) return 0 ;; esac
    lines=$((lines + 1))
    [ "$lines" -lt 32 ] || return 0
  done </proc/net/route
  return 1
}
rest() {
  ${mark('routes')}
  if may_have_routes 2>/dev/null; then ip -4 -j route show table main root 239.0.0.0/8 2>/dev/null; fi
  ${mark('vxlanScript')}
  if [ ! -r ${modifyVxlan} ]; then echo absent
  elif grep -Eq "^[^#]*[[:space:]]group[[:space:]]" ${modifyVxlan}; then echo multicast; else echo other; fi
  ${mark('agent')}
  if [ -r ${agentProperties} ]; then echo "${readable}"
    grep -Es "^[[:space:]]*((public|private|guest)[.]network[.]device|network[.]bridge[.]type|${vifDriver})" ${agentProperties}
  fi
  ${mark('openVswitch')}
  if [ -r ${agentProperties} ] && grep -Eqs "^[[:space:]]*(network[.]bridge[.]type.*openvswitch|${vifDriver}.*OvsVifDriver)" ${agentProperties}; then
    timeout 10 ovs-vsctl --timeout=5 --format=json \\
      -- --columns=name,ports list Bridge -- --columns=_uuid,name,interfaces,fake_bridge list Port \\
      -- --columns=_uuid,name,type,admin_state list Interface 2>/dev/null ||
      { echo "ovs-vsctl ended with $?"; echo "${unreadable}"; }
  fi
}
echo
identity
if [ -n "$known" ]; then
  digest="$({ identity; { ip -d -o link; numbers; } | ${briefly}; rest; } 2>/dev/null | sha256sum)"
  if [ "\${digest%% *}" = "$known" ]; then echo "${sameMarker}"; exit 0; fi
fi
${mark('links')}
ip -d -j link
${mark('kernel')}
if groups_have_names; then (cd /sys/class/net 2>/dev/null; grep -Hsv "^0$" -- */netdev_group)
else echo "${withoutGroupNames}"; fi
numbers ${kernelFiles.uptime}
rest
${mark('end')}`

export const observeCommand = script(observation)

/** How applyCommand ends when it did nothing, or not all. */
export const applyEnds = { lockFile: lockFileFailed, locked: 75, late: 76, vxlanLocked: 77, cut: 78 } as const

/**
 * Applies a batch, piece by piece, under the host's lock, no phase of it after its deadline. On stdin: the deadline and the
 * batch's length in bytes, a line each; then the batch: for each piece `vxlan`, `vlan` or `script`, and its phases, a semicolon
 * behind each of the four: lines for `ip -batch` (`script`: VNI, underlay and bridge for the host's modifyvxlan.sh), for
 * `sysctl`, for `ip -batch`. A piece with VXLAN devices holds CloudStack's own lock too (FACTS B4), which the script takes by itself. Prints
 * `PHASE CODE` of each phase that did not run through: ip goes on after most errors (1), and some end the whole batch (255). A
 * setting of a device that is gone by now is no error.
 *
 * All of it is read before anything is done: what does not arrive whole is not begun. In the end the locks are let go, and it
 * looks as observeCommand does, from the rest of stdin: one command less, which is a login shell and some round trips.
 */
export const applyCommand = script(`LC_ALL=C; export LC_ALL
read -r deadline && read -r length || exit ${applyEnds.cut}
${inTime}
report() { [ "$2" -eq 0 ] || echo "$1 $2"; }
run_script() {
  code=0
  while read -r vni underlay bridge; do
    in_time || return ${applyEnds.late}
    timeout 30 ${modifyVxlan} -o add -v "$vni" -p "$underlay" -b "$bridge" </dev/null >&2 9>&- || code=1
  done
  return $code
}
batch="$(head -c "$length")"
[ "\${#batch}" -eq "$length" ] || exit ${applyEnds.cut}
set -f; IFS=";"; set -- $batch; set +f; unset IFS
${lock(10, `exit ${applyEnds.locked}`)}
while [ "$#" -ge 4 ]; do
  kind="$1" create="$2" ipv6="$3" up="$4"
  shift 4
  if [ "$kind" = vxlan ]; then
    ${vxlanLock(`exit ${applyEnds.vxlanLocked}`)}
  fi
  if [ -n "$create" ]; then
    in_time || exit ${applyEnds.late}
    if [ "$kind" = script ]; then printf %s "$create" | run_script; else printf %s "$create" | ip -force -batch -; fi
    report create $?
  fi
  if [ -n "$ipv6" ]; then
    in_time || exit ${applyEnds.late}
    printf %s "$ipv6" | sysctl -e -q -p -; report ipv6Off $?
  fi
  if [ -n "$up" ]; then
    in_time || exit ${applyEnds.late}
    printf %s "$up" | ip -force -batch -; report up $?
  fi
  exec 8>&-
done
exec 9>&-
${observation}`)
