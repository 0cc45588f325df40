#!/usr/bin/env bash
# A stand-in for CloudStack's agent as it starts and stops VMs, one after the other (FACTS B5): the script's add, a tap on the
# bridge, a moment, the tap gone, the script's delete. In: $1 seconds, $2 a seed; on stdin a line a network: kind, id, uplink,
# bridge, device. Out: a line a VM: `ok`, or what its start said, or what it lost while it ran.
set -u
RANDOM=$2
mapfile -t networks
net=/sys/class/net

is_up() {
  read -r flags <"$net/$1/flags" && [ $((flags & 1)) = 1 ]
}

# No process is started: a look must not take longer than what it looks for.
has_network() {
  for port in "$tap" "$device"; do
    [ "$net/$port/master" -ef "$net/$bridge" ] || { echo "lost: $port is not in $bridge"; return 1; }
  done
  is_up "$device" && is_up "$bridge" || { echo "lost: $device or $bridge is down"; return 1; }
}

script() {
  case $kind in
    vlan) bash /run/modifyVlanStandIn.sh -o "$1" -v "$id" -p "$uplink" -b "$bridge" ;;
    # What the agent passes to a delete is not the underlay (FACTS B4): the route stays.
    vxlan) bash /run/modifyVxlanStandIn.sh -o "$1" -v "$id" -p "${2:-$uplink}" -b "$bridge" ;;
  esac
}

end=$((SECONDS + $1))
serial=0
while [ $SECONDS -lt $end ]; do
  read -r kind id uplink bridge device <<<"${networks[RANDOM % ${#networks[@]}]}"
  serial=$((serial + 1)) tap=vnet$((1000 + serial))
  if ! said=$(script add 2>&1); then
    echo "start failed: $said"
    continue
  fi
  if ! said=$(ip tuntap add dev "$tap" mode tap && ip link set dev "$tap" master "$bridge" 2>&1 && ip link set dev "$tap" up); then
    echo "start failed: $said"
  elif has_network; then
    sleep "0.$((RANDOM % 4))"
    has_network && echo ok
  fi
  ip link del dev "$tap"
  script delete vx >/dev/null 2>&1
done
exit 0
