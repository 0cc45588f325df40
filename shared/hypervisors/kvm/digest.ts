/**
 * The digest of a host as it was seen: what the host itself would make of the same, from sources that are cheaper than a
 * listing (`briefly` in commands.ts). Pure. In: the full output of the observe command, in its parts. Out: a SHA-256. Since it is made of
 * what was judged, and not of a second look, nothing can happen between the two.
 *
 * | part of it                                                          | not part of it                               |
 * |---------------------------------------------------------------------|----------------------------------------------|
 * | hostname, boot id                                                   | the boot clock                               |
 * | each device: index, name, parent, up, MTU, master, mark             | taps of VMs; carrier, state, counters, timers |
 * | by its index also what cannot change without a new one: kind        |                                              |
 * | a VLAN's id and protocol; a VXLAN's VNI, group, device, port        |                                              |
 * | other names, IPv6 switches                                          | switches of taps                             |
 * | limits, multicast routes, modifyvxlan.sh, the agent's keys          |                                              |
 */
import { createHash } from 'node:crypto'
import * as z from 'zod/mini'
import { limitFiles, marker, type Section, tapName, withoutIpv6 } from './commands.ts'
import type { Listing } from './observe.ts'

const optionalName = z.nullish(z.string())
const linkShape = z.object({
  ifindex: z.number(),
  ifname: z.string(),
  link: optionalName,
  link_index: z.optional(z.number()),
  flags: z.array(z.string()),
  mtu: z.number(),
  master: optionalName,
  group: optionalName,
  altnames: z.optional(z.array(z.string())),
  linkinfo: z.optional(
    z.object({
      info_kind: z.optional(z.string()),
      info_data: z.optional(
        z.object({
          type: z.optional(z.unknown()),
          protocol: z.optional(z.unknown()),
          id: z.optional(z.unknown()),
          group: z.optional(z.unknown()),
          group6: z.optional(z.unknown()),
          remote: z.optional(z.unknown()),
          remote6: z.optional(z.unknown()),
          link: z.optional(z.unknown()),
          port: z.optional(z.unknown()),
        }),
      ),
    }),
  ),
})
type LinkShape = z.infer<typeof linkShape>
/** Some versions print `{}` for a link that they do not show. */
const linksShape = z.array(z.union([linkShape, z.strictObject({ ifname: z.optional(z.never()) })]))

/** @returns undefined where an iproute2 prints too little to compare by: then every look lists */
export function digestOf({ parts, links: printed }: Listing): string | undefined {
  const links = linksShape.safeParse(printed)
  if (!links.success) return undefined
  const lines = (section: Section): readonly string[] => (parts[section] === '' ? [] : parts[section].split('\n'))
  const kernel = lines('kernel')
  const digested = [
    marker('host'),
    ...lines('host'),
    ...links.data.flatMap((link) => (link.ifname === undefined || isTap(link) ? [] : [briefly(link)])),
    ...kernel.filter((line) => line === withoutIpv6 || isSwitchOfOther(line)),
    ...limitFiles.flatMap((file) => kernel.find((line) => line.startsWith(`${file}:`)) ?? []),
    ...rest.flatMap((section) => [marker(section), ...lines(section)]),
    '',
  ]
  return createHash('sha256').update(digested.join('\n')).digest('hex')
}

/** As the host prints them, in a digest as in a listing. */
const rest = ['routes', 'vxlanScript', 'agent', 'openVswitch'] as const satisfies readonly Section[]

/** Of a device that is no tap. */
function isSwitchOfOther(line: string): boolean {
  const [, device] = /^(.+)\/disable_ipv6:/.exec(line) ?? []
  return device !== undefined && !tapName.test(device)
}

const isTap = ({ ifname, altnames = [], linkinfo }: LinkShape): boolean =>
  tapName.test(ifname) && linkinfo?.info_kind === 'tun' && linkinfo.info_data?.type === 'tap' && altnames.length === 0

/** The line that the host's `awk` makes of the same device's text. */
function briefly({
  ifindex,
  ifname,
  link,
  link_index,
  flags,
  mtu,
  master,
  group,
  altnames,
  linkinfo,
}: LinkShape): string {
  const below =
    link === undefined && link_index === undefined ? '' : `@${link ?? (link_index ? `if${link_index}` : 'NONE')}`
  const up = flags.includes('UP') ? '1' : '0'
  const { info_kind: kind, info_data: data } = linkinfo ?? {}
  const own =
    kind === 'vlan'
      ? [data?.protocol, data?.id]
      : kind === 'vxlan' && data?.id !== undefined
        ? [data.id, data.group ?? data.group6 ?? data.remote ?? data.remote6, data.link, data.port]
        : []
  return [`${ifindex}:`, `${ifname}${below}:`, up, mtu, master, group, ...own, ...(altnames ?? [])]
    .filter((word) => word != null)
    .join(' ')
}
