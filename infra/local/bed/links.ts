/**
 * A host's boot configuration as lines for `ip -batch`, and the addresses and names that a bed gives. Pure. In: the
 * plan of a host. Out: lines that make its label bridges as an operator's boot configuration would, and nothing else.
 */
import { defaultUplinks, type HostPlan } from './bed.ts'

/** The port that every host has for management; the others are on the trunk. */
const managementPort = 'eth0'

/** Every port that a host has, the management port first. */
export function ports(host: HostPlan): readonly string[] {
  const planned = (host.uplinks ?? defaultUplinks).flatMap((uplink) => uplink.bond ?? [uplink.port])
  return [managementPort, ...planned.filter((port) => port !== managementPort)]
}

/** The address that the bed itself has on its management bridge. */
export function bedAddress(bed: number): string {
  return `10.99.${bed}.1`
}

export function hostAddress(bed: number, index: number): string {
  return `10.99.${bed}.${10 + index}`
}

/** Locally administered, and different for every port of every host of every bed. */
export function portMac(bed: number, index: number, port: number): string {
  return ['02:bb', bed, index, 0, port].map((part) => (typeof part === 'number' ? hexadecimal(part) : part)).join(':')
}

function hexadecimal(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** The bed's end of a host's port, a device name: `b0h2p1`. */
export function portWire(bed: number, index: number, port: number): string {
  return `b${bed}h${index}p${port}`
}

/** Bonds and bridges as a boot makes them: STP off, the MAC of the port, IPv6 as it comes. */
export function bootLines(host: HostPlan, address: string): readonly string[] {
  const uplinks = host.uplinks ?? defaultUplinks
  const bonds = uplinks.flatMap(({ port, bond }) =>
    bond === undefined
      ? []
      : [
          `link add name ${port} type bond mode active-backup miimon 100`,
          ...bond.map((member) => `link set dev ${member} master ${port}`),
        ],
  )
  const bridges = uplinks.flatMap(({ bridge, port }) => [
    `link add name ${bridge} type bridge`,
    `link set dev ${port} master ${bridge}`,
    `link set dev ${port} up`,
    `link set dev ${bridge} up`,
  ])
  const addressed = uplinks.find(({ port }) => port === managementPort)?.bridge ?? managementPort
  return [
    'link set dev lo up',
    ...bonds,
    ...ports(host).map((port) => `link set dev ${port} up`),
    ...bridges,
    `addr add ${address}/24 dev ${addressed}`,
  ]
}
