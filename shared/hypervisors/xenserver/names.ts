/**
 * Names and tags on XAPI, to the letter as CloudStack has them (FACTS D 2 and 3), and our mark beside them. Pure. In: the base
 * network's uuid, a VLAN id, a stamp. Out: name labels, tags, other_config.
 */

/** Of the network for one VLAN id above one base network. */
export const vlanName = (baseUuid: string, tag: number): string => `VLAN-${baseUuid}-${tag}`

/** As CloudStack called it before; it still takes such a network over by renaming it. */
export const legacyName = (tag: number): string => `VLAN${tag}`

/** What a network of ours is called while it is removed, so that nobody who asks by name finds it any more. */
export const asideName = (name: string): string => `${asidePrefix}${name}`
const asidePrefix = 'bridgekeeper-removes-'

/** Milliseconds in which whoever looked a network up by its name uses it. */
export const aMoment = 1_000

/** The name that it had before. */
export const withoutAside = (name: string): string =>
  name.startsWith(asidePrefix) ? name.slice(asidePrefix.length) : name

/** What a name says, if it is one of ours or CloudStack's; null otherwise. */
export function vlanOfName(name: string): { readonly baseUuid: string; readonly tag: number } | null {
  const [, baseUuid, digits] = /^VLAN-([0-9a-fA-F-]{36})-([1-9]\d{0,3})$/.exec(name) ?? []
  return baseUuid === undefined || !isVlanId(Number(digits)) ? null : { baseUuid, tag: Number(digits) }
}

export const isVlanId = (id: number): boolean => Number.isInteger(id) && id >= 1 && id <= 4094

/** When a network was made, in milliseconds since the epoch, and a number that tells two of one millisecond apart. */
export interface Stamp {
  readonly at: number
  readonly random: number
}

/**
 * How far a stamp of ours is ahead of the clock. CloudStack's tie-break takes the lowest stamp among the networks that it sees.
 * One that is ahead by more than clocks differ and a call lasts is never lower than that of a maker who looked before ours was
 * there: so whoever made the lower one saw both, and all who look take the same.
 */
export const stampAhead = 60_000

export const stampTag = ({ at, random }: Stamp): string => `CsCreateTime-${at}-${random}`

/** The lowest of the stamps among a network's tags, as CloudStack reads them; null: none. */
export function stampOf(tags: readonly string[]): Stamp | null {
  const stamps = tags.flatMap((tag) => {
    const [, at, random] = /^CsCreateTime-(\d{1,15})-(\d{1,10})$/.exec(tag) ?? []
    return at === undefined || random === undefined ? [] : [{ at: Number(at), random: Number(random) }]
  })
  return stamps.reduce<Stamp | null>((first, next) => (first === null || isBefore(next, first) ? next : first), null)
}

export const isBefore = (one: Stamp, other: Stamp): boolean =>
  one.at < other.at || (one.at === other.at && one.random < other.random)

/** In other_config: the mark that the setting names, and for which broadcast URI an object was made. */
export const markKey = 'bridgekeeper-mark'
export const uriKey = 'bridgekeeper-uri'
