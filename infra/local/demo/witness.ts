/**
 * An independent look at a host: not through Bridgekeeper's driver, but through the files that the kernel shows. In: the
 * pairs of devices that CloudStack's own script would have made. Out: which of them are there and right.
 */

/** One VLAN network on one host, in CloudStack's names. */
export interface Pair {
  readonly bridge: string
  readonly device: string
  readonly id: number
}

export const pairOf = (uplink: string, id: number): Pair => ({
  bridge: `br${uplink}-${id}`,
  device: `${uplink}.${id}`,
  id,
})

/** Only the shell's own words: a process is slow to start on a small guest. Prints the bridge of each right pair. */
export const witnessScript = (pairs: readonly Pair[]): string => `
right() {
  [ -e /sys/class/net/$1/brif/$2 ] || return 1
  read bridge_off < /proc/sys/net/ipv6/conf/$1/disable_ipv6 && [ "$bridge_off" = 1 ] || return 1
  read device_off < /proc/sys/net/ipv6/conf/$2/disable_ipv6 && [ "$device_off" = 1 ] || return 1
  read bridge_flags < /sys/class/net/$1/flags && [ $((bridge_flags & 1)) = 1 ] || return 1
  read device_flags < /sys/class/net/$2/flags && [ $((device_flags & 1)) = 1 ] || return 1
  while read name _ vid _ parent; do [ "$name" = "$2" ] && [ "$vid" = $3 ] && return 0; done < /proc/net/vlan/config
  return 1
}
${pairs.map(({ bridge, device, id }) => `right ${bridge} ${device} ${id} && echo ${bridge}`).join('\n')}
true`

/** What the script printed, as pairs. */
export const present = (pairs: readonly Pair[], printed: string): readonly Pair[] => {
  const bridges = new Set(printed.split('\n').map((line) => line.trim()))
  return pairs.filter(({ bridge }) => bridges.has(bridge))
}
