/**
 * Everything that people and programs do to a host's devices, as data. Pure. In: chance, the networks that are desired. Out:
 * what is done (lines for `ip -batch`, IPv6 switches), how the foreign part of it is undone, and which network must then be
 * named as a Conflict, because something foreign holds its tag or one of its names.
 */
import type { Random } from '../simulation/random.ts'
import { foreign } from './foreign.ts'
import { linkLine, type ProofNetwork } from './pairState.ts'

export interface Damage {
  readonly says: string
  /** What it is done to: one damage at a time for each. */
  readonly target: string
  readonly lines: readonly string[]
  /** Devices whose IPv6 is switched, to this value of `disable_ipv6`. */
  readonly switches?: readonly (readonly [device: string, off: 0 | 1])[]
  /** Lines that take the foreign part away again; a line may fail. */
  readonly undo?: readonly string[]
  /** The network must be named as a Conflict, and none of its devices touched. */
  readonly isConflict?: true
}

type Make = (network: ProofNetwork, other: ProofNetwork, serial: number) => Omit<Damage, 'target'>

/** An MTU that has IPv6: an earlier damage may have set one without, which nobody repairs. Its bridge follows. */
const withIpv6 = (device: string): readonly string[] => [`link set dev ${device} mtu 1400`]

/** To our devices, with nobody else in the way: one run makes them right. */
const toOurs: readonly Make[] = [
  ({ device }) => ({ says: `${device} deleted`, lines: [`link del dev ${device}`] }),
  ({ bridge }) => ({ says: `${bridge} deleted`, lines: [`link del dev ${bridge}`] }),
  ({ device, bridge }) => ({
    says: `${device} and ${bridge} deleted`,
    lines: [`link del dev ${device}`, `link del dev ${bridge}`],
  }),
  ({ device }) => ({ says: `${device} taken out of its bridge`, lines: [`link set dev ${device} nomaster`] }),
  ({ device }) => ({ says: `${device} down`, lines: [`link set dev ${device} down`] }),
  ({ bridge }) => ({ says: `${bridge} down`, lines: [`link set dev ${bridge} down`] }),
  ({ device, bridge }) => ({
    says: `${device} and ${bridge} down, out of one another`,
    lines: [`link set dev ${device} down nomaster`, `link set dev ${bridge} down`],
  }),
  ({ device }) => ({ says: `IPv6 on on ${device}`, lines: withIpv6(device), switches: [[device, 0]] }),
  ({ device, bridge }) => ({
    says: `IPv6 on on ${bridge} and ${device}`,
    lines: withIpv6(device),
    switches: [
      [bridge, 0],
      [device, 0],
    ],
  }),
  ({ device }) => ({ says: `MTU of ${device} 1200`, lines: [`link set dev ${device} mtu 1200`] }),
  ({ device, bridge }) => ({
    says: `mark of ${device} and ${bridge} removed`,
    lines: [`link set dev ${device} group 0`, `link set dev ${bridge} group 0`],
  }),
  (network) => ({
    says: `${network.device} and ${network.bridge} half made anew by somebody: the device alone, down`,
    lines: [`link del dev ${network.device}`, `link del dev ${network.bridge}`, linkLine(network, network.device)],
  }),
  ({ device, bridge }) => ({
    says: `${device} and ${bridge} half made anew by somebody: the bridge alone, up with IPv6`,
    lines: [
      `link del dev ${device}`,
      `link del dev ${bridge}`,
      `link add name ${bridge} type bridge`,
      `link set dev ${bridge} up`,
    ],
  }),
]

/** Somebody else holds the tag or a name afterwards. */
const conflicts: readonly Make[] = [
  ({ device }, _, serial) => ({
    says: `${device} renamed`,
    lines: [`link set dev ${device} down`, `link set dev ${device} name was${serial}`, `link set dev was${serial} up`],
    undo: [`link del dev was${serial}`],
  }),
  ({ bridge }, _, serial) => ({
    says: `${bridge} renamed, its device in it`,
    lines: [`link set dev ${bridge} down`, `link set dev ${bridge} name was${serial}`, `link set dev was${serial} up`],
    undo: [`link del dev was${serial}`],
  }),
  ({ device }) => ({
    says: `${device} moved to ${foreign.bridge}`,
    lines: [`link set dev ${device} master ${foreign.bridge}`],
    undo: [`link set dev ${device} nomaster`],
  }),
  ({ device }, other) => ({
    says: `${device} moved to ${other.bridge}`,
    lines: [`link set dev ${device} master ${other.bridge}`],
    undo: [`link set dev ${device} nomaster`],
  }),
  ({ device }) => ({
    says: `${device} is a bridge of somebody's`,
    lines: [`link del dev ${device}`, `link add name ${device} type bridge`],
    undo: [`link del dev ${device}`],
  }),
  ({ bridge }, _, serial) => ({
    says: `${bridge} is a VLAN device of somebody's`,
    lines: [`link del dev ${bridge}`, `link add link eth1 name ${bridge} type vlan id ${3000 + (serial % 500)}`],
    undo: [`link del dev ${bridge}`],
  }),
  (network, _, serial) => ({
    says: `${network.device} carries another number`,
    lines: [
      `link del dev ${network.device}`,
      linkLine({ ...network, id: (network.kind === 'vlan' ? 2500 : 80_000) + (serial % 500) }, network.device),
    ],
    undo: [`link del dev ${network.device}`],
  }),
  (network) => ({
    says: `${network.device} stands on another device`,
    lines: [
      `link del dev ${network.device}`,
      linkLine({ ...network, uplink: network.uplink === 'eth1' ? 'cloudbr1' : foreign.bridge }, network.device),
    ],
    undo: [`link del dev ${network.device}`],
  }),
  (network, _, serial) => ({
    says: `${network.uri} stands under another name`,
    lines: [
      `link del dev ${network.device}`,
      `link del dev ${network.bridge}`,
      linkLine(network, `op${serial}`, `master ${foreign.bridge}`),
      `link set dev op${serial} up`,
    ],
    undo: [`link del dev op${serial}`],
  }),
  ({ device, bridge }, _, serial) => ({
    says: `${bridge} made anew over another uplink`,
    lines: [
      `link del dev ${device}`,
      `link del dev ${bridge}`,
      `link add name ${bridge} type bridge`,
      `link add link eth1 name vlan${serial} master ${bridge} type vlan id ${3000 + (serial % 500)}`,
    ],
    undo: [`link del dev vlan${serial}`],
  }),
]

const tagAbove = ({ id, uri }: ProofNetwork, serial: number): Omit<Damage, 'target'> => ({
  says: `${uri} carried by op${serial} on the label's bridge`,
  lines: [`link add link cloudbr1 name op${serial} type vlan id ${id}`, `link set dev op${serial} up`],
  undo: [`link del dev op${serial}`],
})

/** To devices that are not ours: whatever was done, nobody undoes it. */
const toForeign = (serial: number): readonly Damage[] => {
  const names = Object.values(foreign)
  const each = (says: string, lines: (device: string) => readonly string[], of: readonly string[] = names) =>
    of.map((device): Damage => ({ says: `${device} ${says}`, target: device, lines: lines(device) }))
  const taps = [foreign.tap, foreign.otherTap]
  return [
    ...each('deleted', (device) => [`link del dev ${device}`]),
    ...each('down', (device) => [`link set dev ${device} down`]),
    ...each('of MTU 1280', (device) => [`link set dev ${device} mtu 1280`]),
    ...each('marked with a group of somebody else’s', (device) => [`link set dev ${device} group 7`]),
    ...each('taken out of its bridge', (device) => [`link set dev ${device} nomaster`], [...taps, foreign.vlan]),
    ...each('moved to the label’s bridge', (device) => [`link set dev ${device} master cloudbr1`], taps),
    ...names.map(
      (device) => ({ says: `IPv6 off on ${device}`, target: device, lines: [], switches: [[device, 1]] }) as const,
    ),
    ...names.map((device): Damage => {
      const name = `fo${serial}`
      const lines = [`link set dev ${device} down`, `link set dev ${device} name ${name}`, `link set dev ${name} up`]
      return { says: `${device} renamed`, target: device, lines, undo: [`link del dev ${name}`] }
    }),
  ]
}

/** @param other a network that is never damaged itself */
export function drawDamage(
  random: Random,
  networks: readonly ProofNetwork[],
  other: ProofNetwork,
  serial: number,
): Damage {
  const network = random.pick(networks)
  const kind = random.whole(1, 10)
  const drawn = random.pick(toForeign(serial))
  if (network === undefined || drawn === undefined) throw new Error('there is nothing to damage')
  if (kind <= 3) return drawn
  if (kind <= 6) return { ...made(random, toOurs, network, other, serial), target: network.uri }
  const damage =
    network.kind === 'vlan' && random.chance(1 / (conflicts.length + 1))
      ? tagAbove(network, serial)
      : made(random, conflicts, network, other, serial)
  return { ...damage, target: network.uri, isConflict: true }
}

function made(
  random: Random,
  of: readonly Make[],
  network: ProofNetwork,
  other: ProofNetwork,
  serial: number,
): Omit<Damage, 'target'> {
  const make = random.pick(of)
  if (make === undefined) throw new Error('there is no such damage')
  return make(network, other, serial)
}

/** Several at once, none of two on the same device or network. */
export function drawDamages(
  random: Random,
  networks: readonly ProofNetwork[],
  other: ProofNetwork,
  first: number,
  count: number,
): readonly Damage[] {
  const drawn: Damage[] = []
  const taken = new Set<string>()
  while (drawn.length < count) {
    const damage = drawDamage(random, networks, other, first + drawn.length)
    const uses = usedBy(damage)
    if (uses.some((one) => taken.has(one))) continue
    for (const one of uses) taken.add(one)
    drawn.push(damage)
  }
  return drawn
}

/** What is moved into the operator's bridge is no Conflict any more once that bridge is deleted: it is used by one damage at a time. */
const usedBy = ({ target, lines }: Damage): readonly string[] =>
  lines.some((line) => line.includes(foreign.bridge)) ? [target, foreign.bridge] : [target]
