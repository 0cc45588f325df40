// Govmomi's vCenter simulator with amendments, for the tests of the vmware driver. In: the numbers of its inventory, an
// address. Out: a line with its address; it ends with its standard input. Unlike vcsim as it is released:
//
//   - a standard port group is of its host: another host may have one of the same name, and both are one Network in vCenter;
//     one that is there already is AlreadyExists, as ESXi says it, and one that a VM uses is not removed
//   - UpdatePortGroup exists
//   - a group that a VM uses is not destroyed: ResourceInUse
//   - ReconfigureDvs_Task keeps private VLANs, and refuses a configVersion that is not the latest
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"strconv"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func main() {
	model := simulator.VPX()
	flag.IntVar(&model.Datacenter, "dc", 1, "datacenters")
	flag.IntVar(&model.Cluster, "cluster", 1, "clusters of each datacenter")
	flag.IntVar(&model.ClusterHost, "host", 2, "hosts of each cluster")
	flag.IntVar(&model.Host, "standalone-host", 0, "hosts without a cluster")
	flag.IntVar(&model.Machine, "vm", 0, "VMs of each resource pool")
	flag.IntVar(&model.Portgroup, "pg", 1, "distributed port groups")
	flag.IntVar(&model.DelayConfig.Delay, "delay", 0, "milliseconds that each method takes longer")
	listen := flag.String("l", "127.0.0.1:0", "address")
	username := flag.String("username", "user", "who may log in")
	password := flag.String("password", "pass", "the password")
	flag.Parse()
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	for _, entity := range simulator.Map.All("HostSystem") {
		amendHost(entity.(*simulator.HostSystem))
	}
	simulator.Map.Handler = amendSwitches
	model.Service.Listen = &url.URL{Host: *listen, User: url.UserPassword(*username, *password)}
	model.Service.TLS = new(tls.Config)
	server := model.Service.NewServer()
	fmt.Printf("export GOVC_URL=%s GOVC_SIM_PID=%d\n", server.URL, os.Getpid())
	_, _ = io.Copy(io.Discard, os.Stdin)
	model.Remove()
}

var mutex sync.Mutex

// By the name of a standard port group, the hosts that have it.
var having = map[string]map[string]bool{}

type hostNetworks struct {
	*simulator.HostNetworkSystem
}

func amendHost(host *simulator.HostSystem) {
	ref := *host.ConfigManager.NetworkSystem
	networks := simulator.Map.Get(ref).(*simulator.HostNetworkSystem)
	networks.Host = &host.HostSystem
	networks.NetworkInfo.Portgroup = append([]types.HostPortGroup(nil), networks.NetworkInfo.Portgroup...)
	for _, group := range networks.NetworkInfo.Portgroup {
		note(group.Spec.Name, ref.Value)
	}
	simulator.Map.Put(&hostNetworks{networks})
}

func note(group, host string) {
	if having[group] == nil {
		having[group] = map[string]bool{}
	}
	having[group][host] = true
}

func (s *hostNetworks) at(name string) int {
	for at, group := range s.NetworkInfo.Portgroup {
		if group.Spec.Name == name {
			return at
		}
	}
	return -1
}

func (s *hostNetworks) AddPortGroup(ctx *simulator.Context, c *types.AddPortGroup) soap.HasFault {
	mutex.Lock()
	defer mutex.Unlock()
	name := c.Portgrp.Name
	if s.at(name) >= 0 {
		return &methods.AddPortGroupBody{Fault_: simulator.Fault("", &types.AlreadyExists{Name: name})}
	}
	if c.Portgrp.VlanId < 0 || c.Portgrp.VlanId > 4095 {
		return &methods.AddPortGroupBody{Fault_: simulator.Fault("", &types.InvalidArgument{InvalidProperty: "vlanId"})}
	}
	if len(having[name]) == 0 {
		body := s.HostNetworkSystem.AddPortGroup(ctx, c)
		if body.Fault() == nil {
			note(name, s.Self.Value)
		}
		return body
	}
	for i := range s.NetworkInfo.Vswitch {
		if s.NetworkInfo.Vswitch[i].Name == c.Portgrp.VswitchName {
			vswitch := &s.NetworkInfo.Vswitch[i]
			vswitch.Portgroup = append(vswitch.Portgroup, name)
			s.NetworkInfo.Portgroup = append(s.NetworkInfo.Portgroup, types.HostPortGroup{
				Key: "key-vim.host.PortGroup-" + name, Spec: c.Portgrp,
			})
			note(name, s.Self.Value)
			return &methods.AddPortGroupBody{Res: &types.AddPortGroupResponse{}}
		}
	}
	return &methods.AddPortGroupBody{Fault_: simulator.Fault("", &types.NotFound{})}
}

func (s *hostNetworks) RemovePortGroup(ctx *simulator.Context, c *types.RemovePortGroup) soap.HasFault {
	mutex.Lock()
	defer mutex.Unlock()
	at := s.at(c.PgName)
	if at < 0 {
		return &methods.RemovePortGroupBody{Fault_: simulator.Fault("", &types.NotFound{})}
	}
	for _, entity := range simulator.Map.All("Network") {
		if network, ok := entity.(*mo.Network); ok && network.Name == c.PgName && isUsed(network.Self) {
			return &methods.RemovePortGroupBody{Fault_: simulator.Fault("", &types.ResourceInUse{Name: c.PgName})}
		}
	}
	delete(having[c.PgName], s.Self.Value)
	if len(having[c.PgName]) == 0 {
		return s.HostNetworkSystem.RemovePortGroup(ctx, c)
	}
	s.NetworkInfo.Portgroup = append(s.NetworkInfo.Portgroup[:at:at], s.NetworkInfo.Portgroup[at+1:]...)
	for i := range s.NetworkInfo.Vswitch {
		kept := []string{}
		for _, name := range s.NetworkInfo.Vswitch[i].Portgroup {
			if name != c.PgName {
				kept = append(kept, name)
			}
		}
		s.NetworkInfo.Vswitch[i].Portgroup = kept
	}
	return &methods.RemovePortGroupBody{Res: &types.RemovePortGroupResponse{}}
}

func (s *hostNetworks) UpdatePortGroup(_ *simulator.Context, c *types.UpdatePortGroup) soap.HasFault {
	mutex.Lock()
	defer mutex.Unlock()
	at := s.at(c.PgName)
	if at < 0 {
		return &methods.UpdatePortGroupBody{Fault_: simulator.Fault("", &types.NotFound{})}
	}
	s.NetworkInfo.Portgroup[at].Spec = c.Portgrp
	return &methods.UpdatePortGroupBody{Res: &types.UpdatePortGroupResponse{}}
}

// vcsim keeps no list of VMs at a network.
func isUsed(network types.ManagedObjectReference) bool {
	for _, entity := range simulator.Map.All("VirtualMachine") {
		for _, used := range entity.(*simulator.VirtualMachine).Network {
			if used == network {
				return true
			}
		}
	}
	return false
}

// vcsim's own method comes after this one, and does the rest; a fault ends the call.
func amendSwitches(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	switch body := method.Body.(type) {
	case *types.Destroy_Task:
		if group, ok := ctx.Map.Get(method.This).(*simulator.DistributedVirtualPortgroup); ok && isUsed(method.This) {
			return nil, &types.ResourceInUse{Name: group.Name}
		}
	case *types.ReconfigureDvs_Task:
		if dvs, ok := ctx.Map.Get(method.This).(*simulator.DistributedVirtualSwitch); ok {
			return nil, keepPrivateVlans(dvs, body)
		}
	}
	return nil, nil
}

func keepPrivateVlans(dvs *simulator.DistributedVirtualSwitch, req *types.ReconfigureDvs_Task) types.BaseMethodFault {
	spec, ok := req.Spec.(*types.VMwareDVSConfigSpec)
	config, known := dvs.Config.(*types.VMwareDVSConfigInfo)
	if !ok || !known || len(spec.PvlanConfigSpec) == 0 {
		return nil
	}
	mutex.Lock()
	defer mutex.Unlock()
	if spec.ConfigVersion != config.ConfigVersion {
		return &types.ConcurrentAccess{}
	}
	for _, change := range spec.PvlanConfigSpec {
		for _, entry := range config.PvlanConfig {
			if entry.SecondaryVlanId == change.PvlanEntry.SecondaryVlanId {
				return &types.AlreadyExists{Name: strconv.Itoa(int(entry.SecondaryVlanId))}
			}
		}
		config.PvlanConfig = append(config.PvlanConfig, change.PvlanEntry)
	}
	version, _ := strconv.Atoi(config.ConfigVersion)
	config.ConfigVersion = strconv.Itoa(version + 1)
	return nil
}
