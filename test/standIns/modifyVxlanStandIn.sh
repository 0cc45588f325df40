#!/usr/bin/env bash
# A stand-in for CloudStack's modifyvxlan.sh, written from a description of what that script does (FACTS B4), not from its
# text: one network a call, one process a step, all under the script's lock. In: -o add|delete -v VNI -p UNDERLAY -b BRIDGE.
# Out: its exit code.
set -u
operation='' id='' underlay='' bridge=''
while getopts 'o:v:p:b:' option; do
  case $option in
    o) operation=$OPTARG ;;
    v) id=$OPTARG ;;
    p) underlay=$OPTARG ;;
    b) bridge=$OPTARG ;;
    *) exit 2 ;;
  esac
done
[ -n "$operation" ] && [ -n "$id" ] && [ -n "$underlay" ] && [ -n "$bridge" ] || exit 2
device=vxlan$id
group=239.$((id >> 16 & 255)).$((id >> 8 & 255)).$((id & 255))

turn_ipv6_off() {
  echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"
}

add() {
  if [ ! -d "/sys/class/net/$device" ]; then
    ip -f inet link add "$device" type vxlan id "$id" group "$group" ttl 10 dev "$underlay" 2>/dev/null
    ip link set "$device" up
    ip route add "$group" dev "$underlay"
    turn_ipv6_off "$device"
  fi
  if [ ! -d "/sys/class/net/$bridge" ]; then
    ip link add name "$bridge" type bridge
    ip link set "$bridge" up
    turn_ipv6_off "$bridge"
  fi
  bridge link show | grep "$bridge" | grep -qw "$device" || ip link set "$device" master "$bridge"
}

remove() {
  ip route del "$group" dev "$underlay" 2>/dev/null
  ip link set "$device" nomaster
  ip link delete "$device"
  ip link set "$bridge" down
  ip link delete "$bridge" type bridge
}

lsmod 2>/dev/null | grep -q ^vxlan || modprobe vxlan >/dev/null 2>&1 || [ -d /sys/module/vxlan ] || exit 1
mkdir -p /var/run/cloud
exec 9>/var/run/cloud/vxlan.lock
flock -x -w 10 9 || exit 1
case $operation in
  add) add ;;
  delete) remove ;;
  *) exit 2 ;;
esac
