/**
 * What a host's kernel shows of its links, read without any of Bridgekeeper's own code, so that one never vouches for the
 * other: every field of `ip -d -j link`, the IPv6 switches, addresses and routes. In: what `stateCommand` printed. Out: plain
 * data to compare, without what moves by itself.
 */
import * as z from 'zod'

const mark = '@@proof@@'

export const stateCommand = [
  'ip -d -j link',
  "grep -Hs '' /proc/sys/net/ipv6/conf/*/disable_ipv6",
  'ip -4 -o addr',
  'ip -4 route',
].join(`; echo; echo ${mark}; `)

const linkShape = z.looseObject({ ifname: z.string() })

export interface KernelState {
  /** By name: the link's own object, its IPv6 switch under `disable_ipv6`, its IPv4 addresses under `addresses`. */
  readonly links: ReadonlyMap<string, Readonly<Record<string, unknown>>>
  /** Lines of the main table. */
  readonly routes: readonly string[]
}

/** Timers, and how many others ask a device to receive all there is: devices above it count up and down. */
const moving = /_timer$|^promiscuity$|^allmulti$/

export function readState(text: string): KernelState {
  const [links = '', switches = '', addresses = '', routes = ''] = text.split(mark)
  const off = new Map<string, string>()
  for (const line of lines(switches)) {
    const [, name, value] = /\/conf\/(.+)\/disable_ipv6:(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) off.set(name, value)
  }
  const held = Map.groupBy(lines(addresses), (line) => /^\d+: (\S+)/.exec(line)?.[1] ?? '')
  const found = z.array(linkShape).parse(JSON.parse(links))
  return {
    links: new Map(
      found.map(({ ifname, ...link }) => [
        ifname,
        {
          ...still(link),
          disable_ipv6: off.get(ifname) ?? null,
          addresses: held.get(ifname)?.map((line) => line.replace(/^\d+: /, '').trim()) ?? [],
        },
      ]),
    ),
    routes: lines(routes),
  }
}

const lines = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

/** The same without the fields that move, however deep. */
function still(link: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(link).filter(([key]) => !moving.test(key))
  return Object.fromEntries(entries.map(([key, value]) => [key, isRecord(value) ? still(value) : value]))
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What differs between two states, a line a field; nothing for those devices that `mayChange` names, nor for
 * routes on them or with the driver's own protocol number.
 */
export function differences(
  before: KernelState,
  after: KernelState,
  mayChange: (device: string) => boolean,
): readonly string[] {
  const names = new Set([...before.links.keys(), ...after.links.keys()])
  const devices = [...names]
    .filter((name) => !mayChange(name))
    .flatMap((name) => changed(name, before.links.get(name), after.links.get(name)))
  const kept = (state: KernelState): string => state.routes.filter((line) => !isOurs(line, mayChange)).join('\n')
  const routes = kept(before) === kept(after) ? [] : [`routes: ${kept(before)} -> ${kept(after)}`]
  return [...devices, ...routes]
}

/** Marked by its protocol number, or on a device that may change: the route of an address comes and goes with it. */
function isOurs(line: string, mayChange: (device: string) => boolean): boolean {
  return line.includes('proto 148') || mayChange(/ dev (\S+)/.exec(line)?.[1] ?? '')
}

type Shown = Readonly<Record<string, unknown>> | undefined

function changed(name: string, before: Shown, after: Shown): readonly string[] {
  if (before === undefined || after === undefined)
    return [`${name} ${before === undefined ? 'was not there before' : 'is gone'}`]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((field) => {
    const [was, is] = [JSON.stringify(before[field]), JSON.stringify(after[field])]
    return was === is ? [] : [`${name}: ${field} was ${was} and is ${is}`]
  })
}
