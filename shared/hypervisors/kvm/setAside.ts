/**
 * What a removal that was cut short left behind (removalCommand.ts), and what must get its name back. Pure. In: the links,
 * the names that are wanted, the mark. Out: the links as they will be, and the actions that make them so, by pair.
 *
 * | A pair of ours                                             | what happens                                           |
 * |------------------------------------------------------------|--------------------------------------------------------|
 * | set aside, and a desired network names it                  | its names back; up, like any pair that is wanted       |
 * | set aside or down, not desired, but somebody is on it      | its names back, up: it was cut off                     |
 * | set aside, not desired, nobody on it                       | nothing: an orphan, which a removal finishes           |
 * | its bridge set aside, and there is a new one of its name   | the old one gives up its VLAN device to the new one    |
 */
import type { HostFacts, Link } from './facts.ts'
import { isAside, type Made, madeFor } from './orphans.ts'
import type { Action } from './plan.ts'

export interface PutBack {
  readonly links: readonly Link[]
  /** By the name of the pair's VLAN or VXLAN device. */
  readonly pairs: ReadonlyMap<string, Restored>
}

export interface Restored {
  readonly made: Made
  readonly actions: readonly Action[]
}

/** @param wanted the bridges that desired networks name */
export function putBack({ links }: Pick<HostFacts, 'links'>, wanted: ReadonlySet<string>, group: number): PutBack {
  const pairs = new Map<string, { readonly made: Made; readonly actions: Action[] }>()
  let now = links
  for (const link of links) {
    if (link.group !== group) continue
    const made = madeFor(link)
    if (made === null) continue
    const isWanted = wanted.has(made.bridge)
    if (!isWanted && !cutOff(link, made, links)) continue
    const actions: Action[] = []
    const own = link.kind === 'bridge' ? made.bridge : made.device
    if (isAside(link, made)) {
      if (holds(now, own)) {
        now = link.kind === 'bridge' ? now.map((port) => released(port, link.name, made)) : now
        continue
      }
      actions.push({ do: 'rename', device: own, from: link.name })
      now = now.map((one) => renamed(one, link.name, own))
    }
    if (!isWanted || isAside(link, made) || !link.up) actions.push({ do: 'setUp', device: own })
    if (actions.length === 0) continue
    const pair = pairs.get(made.device)
    if (pair === undefined) pairs.set(made.device, { made, actions })
    else pair.actions.push(...actions)
  }
  return { links: now, pairs }
}

/** Somebody is on the pair's bridge, which is set aside or down. */
function cutOff(link: Link, made: Made, links: readonly Link[]): boolean {
  const bridge = link.kind === 'bridge' ? link : links.find(({ name }) => name === link.master)
  if (bridge === undefined || madeFor(bridge)?.bridge !== made.bridge) return false
  if (bridge.up && !isAside(bridge, made)) return false
  return links.some((port) => port.master === bridge.name && madeFor(port)?.device !== made.device)
}

const holds = (links: readonly Link[], name: string): boolean =>
  links.some((link) => link.name === name || link.alternativeNames.includes(name))

const released = (port: Link, master: string, made: Made): Link =>
  port.master === master && madeFor(port)?.device === made.device ? { ...port, master: null } : port

function renamed(link: Link, from: string, to: string): Link {
  const name = link.name === from ? to : link.name
  const master = link.master === from ? to : link.master
  const parent = link.parent === from ? to : link.parent
  return { ...link, name, master, parent, up: link.name === from ? false : link.up }
}
