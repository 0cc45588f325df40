/**
 * The command that removes one pair of ours on the host itself, whole and fixed like those of commands.ts: it looks, takes the
 * names away, looks again, and only then deletes or puts everything back. In: names on stdin. Out: what it did, in words.
 */
import { routeProtocol } from './names.ts'
import { inTime, lock, script, vxlanLock } from './script.ts'

/** The first line of what removalCommand says; the second is `removed`, or `kept: ` and why. */
export const removalMarker = '@@bridgekeeper:removal@@'

/** The steps of removalCommand, in their order. Tests put what they do to it, or to the host, in the place of one. */
export const removalSteps = [
  'checked',
  'down',
  'bridgeAside',
  'deviceDown',
  'aside',
  'judged',
  'deviceGone',
  'gone',
] as const
export type RemovalStep = (typeof removalSteps)[number]

/** Does nothing. */
export const stepLine = (step: RemovalStep): string => `: step ${step}`

/**
 * Removes one pair of ours, unless somebody has anything to do with it (DESIGN 4, TESTBEDS "Removing a bridge"). On stdin,
 * one a line: the deadline, the mark, the names of the bridge and of its VLAN or VXLAN device, which of the two it is, and
 * for VXLAN the destination of its route, which goes too if it is ours.
 *
 * Both devices get names that nobody else knows before they are judged for the last time: whoever looks for them by name
 * meanwhile fails loudly. The bridge alone would not do: CloudStack's script would make another, put the VLAN device into
 * it, and we would delete the device below a running VM. Who had found a device before it lost its name gets a moment to
 * show. Killed between any two steps, it leaves names that say whose they are: it can be run again, and a plan puts
 * the names back (setAside.ts).
 */
export const removalCommand =
  script(`read -r deadline; read -r group; read -r bridge; read -r device; read -r kind; read -r destination
[ -n "$kind" ] || exit 64
trap "" HUP PIPE
net=/sys/class/net
aside_bridge="bk\${bridge#br}"
aside_device="bk$device"
${inTime}
say() { echo; echo "${removalMarker}"; echo "$1"; exit 0; }
keep() { say "kept: $1"; }
is() { [ -e "$net/$1" ]; }
ours() {
  read -r found <"$net/$1/netdev_group" && [ "$found" = "$group" ] || { why="$1 does not carry the mark"; return 1; }
}
unused() {
  ours "$1" || return 1
  for entry in "$net/$1"/brif/* "$net/$1"/upper_*; do
    [ -L "$entry" ] || continue
    user="\${entry##*/}"; user="\${user#upper_}"
    [ "$user" = "$2" ] || { why="$user is on $1"; return 1; }
  done
  addresses="$(ip -o addr show dev "$1")" || { why="its addresses cannot be read"; return 1; }
  # A link-local address of IPv6 comes by itself.
  case "$addresses" in *" inet "*|*" scope global"*|*" scope site"*) why="$1 has an address"; return 1;; esac
}
of_kind() {
  while read -r line; do [ "$line" != "DEVTYPE=$2" ] || return 0; done <"$net/$1/uevent"
  why="$1 is no $2 device"; return 1
}
unnamed() {
  [ "$b" = "$bridge" ] || ! is "$bridge" || return 0
  for place in /etc/libvirt/qemu /run/libvirt/qemu; do
    [ -r "$place" ] || { why="it is not known which libvirt domains there are: $place cannot be read"; return 1; }
  done
  edge="[^A-Za-z0-9_.-]"
  grep -rqs -e "$edge$bridge$edge" -e "$edge$device$edge" /etc/libvirt /run/libvirt
  case $? in
    0) why="a libvirt domain or network names it";;
    1) return 0;;
    *) why="the libvirt domains cannot all be read";;
  esac
  return 1
}
idle() {
  [ -z "$b" ] || { of_kind "$b" bridge && unused "$b" "$v" && [ ! -e "$net/$b/master" ]; } || return 1
  [ -z "$v" ] || { of_kind "$v" "$kind" && unused "$v" "$b"; } || return 1
  unnamed
}
put_back() {
  if is "$aside_bridge" && ! is "$bridge"; then
    ip link set dev "$aside_bridge" down; ip link set dev "$aside_bridge" name "$bridge"
  fi
  if is "$aside_device" && ! is "$device"; then
    ip link set dev "$aside_device" down; ip link set dev "$aside_device" name "$device"
  fi
  if is "$bridge" && ours "$bridge"; then ip link set dev "$bridge" up; fi
  if is "$device" && ours "$device"; then ip link set dev "$device" up; fi
}
drop_route() { [ -z "$destination" ] || ip -4 route del "$destination" proto ${routeProtocol} 2>/dev/null; }
spare() { reason="$1"; put_back; keep "$reason"; }
${lock(5, 'keep "another run is at work on this host"')}
if [ "$kind" = vxlan ]; then
  ${vxlanLock('keep "CloudStack is at work on its VXLAN devices"')}
fi
b=; v=; why="it is a port of another bridge"
if is "$aside_bridge"; then b="$aside_bridge"; elif is "$bridge"; then b="$bridge"; fi
if is "$aside_device"; then v="$aside_device"; elif is "$device"; then v="$device"; fi
if [ -n "$v" ] && [ -e "$net/$v/master" ]; then
  master="$(readlink "$net/$v/master")"; master="\${master##*/}"
  if [ "$master" != "$b" ]; then
    [ "$v" = "$device" ] && [ "$b" = "$aside_bridge" ] || spare "$v is in $master"
    v=
  fi
fi
if [ -z "$b$v" ]; then in_time && drop_route; say removed; fi
in_time || keep "its deadline is over"
idle || spare "$why"
${stepLine('checked')}
if [ -n "$b" ] && [ "$b" != "$aside_bridge" ]; then
  ip link set dev "$b" down || spare "$b cannot be set down"
  ${stepLine('down')}
  ip link set dev "$b" name "$aside_bridge" || spare "$b cannot be renamed"
  b="$aside_bridge"
  ${stepLine('bridgeAside')}
fi
if [ -n "$v" ] && [ "$v" != "$aside_device" ]; then
  ip link set dev "$v" down || spare "$v cannot be set down"
  ${stepLine('deviceDown')}
  ip link set dev "$v" name "$aside_device" || spare "$v cannot be renamed"
  v="$aside_device"
fi
${stepLine('aside')}
sleep 0.2
in_time || spare "its deadline is over"
idle || spare "$why"
${stepLine('judged')}
[ -z "$v" ] || ip link del dev "$v" || spare "$v cannot be deleted"
${stepLine('deviceGone')}
[ -z "$b" ] || ip link del dev "$b" || spare "$b cannot be deleted"
${stepLine('gone')}
drop_route
say removed`)
