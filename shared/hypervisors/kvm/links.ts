/**
 * The links of a host, findable by name, by master, by tag or VNI; a plan adds to it the devices that it
 * is going to create, so that two desired networks see each other.
 */
import type { Link } from './facts.ts'

export interface Links {
  /** The link that has this name, or has it as a further name. */
  holder(name: string): Link | undefined
  portsOf(master: string): readonly Link[]
  /** The devices on a device that share its tags, so that a VLAN device there takes a tag from them too. */
  sharing(parent: string): readonly Link[]
  /** The VLAN devices of this id on a device. */
  tagged(parent: string, id: number): readonly Link[]
  /** The VXLAN devices of this VNI, on whatever device. */
  carrying(vni: number): readonly Link[]
}

export interface GrowingLinks extends Links {
  /** Adds a link, or puts it in the place of the one of its name. */
  put(link: Link): void
}

const sharing: ReadonlySet<string> = new Set(['macvlan', 'macvtap', 'ipvlan', 'ipvtap'])

type Index = Map<string, Set<Link>>

export function indexLinks(all: readonly Link[]): GrowingLinks {
  const byName = new Map<string, Link>()
  const byMaster: Index = new Map()
  const bySharer: Index = new Map()
  const byTag: Index = new Map()
  const byVni: Index = new Map()
  const indices = (link: Link) =>
    [
      [byMaster, link.master],
      [bySharer, sharing.has(link.kind ?? '') ? link.parent : null],
      [byTag, link.vlan === null ? null : `${link.parent}/${link.vlan.id}`],
      [byVni, link.vxlan === null ? null : `${link.vxlan.vni}`],
    ] as const
  const remove = (link: Link): void => {
    for (const [index, key] of indices(link)) {
      if (key !== null) index.get(key)?.delete(link)
    }
  }
  const put = (link: Link): void => {
    const before = byName.get(link.name)
    if (before?.name === link.name) remove(before)
    for (const name of [...link.alternativeNames, link.name]) byName.set(name, link)
    for (const [index, key] of indices(link)) {
      if (key === null) continue
      const found = index.get(key)
      if (found === undefined) index.set(key, new Set([link]))
      else found.add(link)
    }
  }
  for (const link of all) put(link)
  return {
    holder: (name) => byName.get(name),
    portsOf: (master) => [...(byMaster.get(master) ?? [])],
    sharing: (parent) => [...(bySharer.get(parent) ?? [])],
    tagged: (parent, id) => [...(byTag.get(`${parent}/${id}`) ?? [])],
    carrying: (vni) => [...(byVni.get(`${vni}`) ?? [])],
    put,
  }
}
