#!/usr/bin/env bash
# A stand-in for CloudStack's modifyvlan.sh, written from a description of what that script does (FACTS B3), not from its
# text: one network a call, one process a step. In: -o add|delete -v VLANID -p UPLINK -b BRIDGE [-d true|false]. Out: its
# exit code.
set -u
operation='' id='' uplink='' bridge='' delete=true
while getopts 'o:v:p:b:d:' option; do
  case $option in
    o) operation=$OPTARG ;;
    v) id=$OPTARG ;;
    p) uplink=$OPTARG ;;
    b) bridge=$OPTARG ;;
    d) delete=$OPTARG ;;
    *) exit 2 ;;
  esac
done
[ -n "$operation" ] && [ -n "$id" ] && [ -n "$uplink" ] && [ -n "$bridge" ] || exit 2
device=$uplink.$id

turn_ipv6_off() {
  echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"
}

is_port() {
  ls "/sys/class/net/$bridge/brif" | grep -qw "$device"
}

add() {
  if [ ! -d "/sys/class/net/$device" ]; then
    ip link add link "$uplink" name "$device" type vlan id "$id" >/dev/null
    turn_ipv6_off "$device"
    ip link set "$device" up || [ -d "/sys/class/net/$device" ] || { echo "failed to create $device"; return 1; }
  fi
  turn_ipv6_off "$device"
  ip link set "$device" up >/dev/null 2>&1
  if [ ! -d "/sys/class/net/$bridge" ]; then
    ip link add name "$bridge" type bridge
    turn_ipv6_off "$bridge"
    ip link set "$bridge" up
    [ -d "/sys/class/net/$bridge" ] || { echo "failed to create $bridge"; return 1; }
  fi
  if ! is_port; then
    ip link set "$device" master "$bridge"
    is_port || { echo "failed to put $device into $bridge"; return 1; }
  fi
  turn_ipv6_off "$bridge"
  ip link set "$bridge" up
}

remove() {
  [ "$delete" = true ] || return 0
  ip link delete "$device" type vlan || return 0
  ip link set "$bridge" down
  ip link delete "$bridge" type bridge
  return 0
}

lsmod 2>/dev/null | grep -q ^8021q || modprobe 8021q >/dev/null 2>&1
[ "$id" != 4095 ] || exit 0
case $operation in
  add) add || exit 1 ;;
  delete) remove ;;
  *) exit 2 ;;
esac
exit 0
