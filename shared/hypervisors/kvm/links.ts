/**
 * The links of a host, findable by name, by master, by the device below and by tag or VNI; a plan adds to it the devices that it
 * is going to create, so that two desired networks see each other.
 */
import type { Link } from './facts.ts'

export interface Links {
  /** The link that has this name, or has it as a further name. */
  holder(name: string): Link | undefined
  portsOf(master: string): readonly Link[]
  above(parent: string): readonly Link[]
  /** The VLAN devices of this id on a device. */
  tagged(parent: string, id: number): readonly Link[]
  /** The VXLAN devices of this VNI, on whatever device. */
  carrying(vni: number): readonly Link[]
}

export interface GrowingLinks extends Links {
  /** Adds a link, or puts it in the place of the one of its name. */
  put(link: Link): void
}

export function indexLinks(all: readonly Link[]): GrowingLinks {
  const byName = new Map<string, Link>()
  const byMaster = new Map<string, Link[]>()
  const byParent = new Map<string, Link[]>()
  const byTag = new Map<string, Link[]>()
  const byVni = new Map<string, Link[]>()
  const indices = (link: Link) =>
    [
      [byMaster, link.master],
      [byParent, link.parent],
      [byTag, link.vlan === null ? null : `${link.parent}/${link.vlan.id}`],
      [byVni, link.vxlan === null ? null : `${link.vxlan.vni}`],
    ] as const
  const remove = (link: Link): void => {
    for (const [index, key] of indices(link)) {
      if (key !== null)
        index.set(
          key,
          (index.get(key) ?? []).filter((other) => other !== link),
        )
    }
  }
  const put = (link: Link): void => {
    const before = byName.get(link.name)
    if (before?.name === link.name) remove(before)
    for (const name of [...link.alternativeNames, link.name]) byName.set(name, link)
    for (const [index, key] of indices(link)) {
      if (key === null) continue
      const list = index.get(key)
      if (list === undefined) index.set(key, [link])
      else list.push(link)
    }
  }
  for (const link of all) put(link)
  return {
    holder: (name) => byName.get(name),
    portsOf: (master) => byMaster.get(master) ?? [],
    above: (parent) => byParent.get(parent) ?? [],
    tagged: (parent, id) => byTag.get(`${parent}/${id}`) ?? [],
    carrying: (vni) => byVni.get(`${vni}`) ?? [],
    put,
  }
}
