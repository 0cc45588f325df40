/**
 * The (zone, physical network, label for KVM, URI) list of the captured cloud, derived by hand from its 28 networks: 23 are
 * persistent; not persistent are isonv-1, ison-1, ison-2, l2n-1 and shared-1.
 */
export const capturedUris: readonly string[] = [
  'zone1 pn-guest cloudbr1 vlan://3001', // l2p-1
  'zone1 pn-guest cloudbr1 vlan://3003', // l2p-3
  'zone1 pn-guest cloudbr1 vlan://3004', // l2p-4
  'zone1 pn-guest cloudbr1 vlan://3301', // isop-1
  'zone1 pn-guest cloudbr1 vlan://3302', // isop-2
  'zone1 pn-guest cloudbr1 vlan://1917', // isoauto-1
  'zone1 pn-guest cloudbr1 vlan://1258', // isoauto-2
  'zone1 pn-guest cloudbr1 vlan://untagged', // l2untagged-1
  'zone1 pn-guest cloudbr1 pvlan://3601-i3602', // l2pvlan-1
  'zone1 pn-guest cloudbr1 vlan://3701', // l2uri
  'zone1 pn-guest cloudbr1 vlan://3900', // l2-while-disabled
  'zone1 pn-guest cloudbr1 vlan://1910', // user1-iso, of an ordinary account
  'zone1 pn-guest cloudbr1 vlan://3950', // user1-l2p, likewise
  'zone1 pn-guest cloudbr1 vlan://3960', // proj1-l2p, of a project
  'zone1 pn-guest cloudbr1 vlan://3970', // l2p-ok
  'zone1 pn-guest cloudbr1 vlan://3971', // l2p-slow
  'zone1 pn-guest2 cloudbr2 vlan://3105', // l2p-b5
  'zone1 pn-guest2 cloudbr2 vlan://3106', // l2p-b6
  'zone1 pn-guest2 cloudbr2 vlan://2258', // l2auto-1
  'zone1 pn-guest2 cloudbr2 vlan://2237', // l2auto-2
  'zone1 pn-vxlan cloudbr3 vxlan://50047', // l2vx-1
  'zone2 z2-guest bondbr vlan://3801', // z2-l2p-1
  'zone2 z2-guest bondbr vlan://3802', // z2-l2p-2
]
