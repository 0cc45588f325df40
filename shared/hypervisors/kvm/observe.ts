/**
 * Reads the output of the observe command. In: the bytes that the host printed, as text. Out: HostFacts, or a HostError
 * HostMisread: a reading that is not whole and understood is never acted on. Takes iproute2 old and new.
 */
import '../../english.ts'
import * as z from 'zod/mini'
import { HostError } from '../driver.ts'
import {
  kernelFiles,
  marker,
  readable,
  type Section,
  sameMarker,
  sections,
  withoutGroupNames,
  withoutIpv6,
} from './commands.ts'
import type {
  AgentDevices,
  HostFacts,
  KernelFacts,
  Link,
  OpenVswitch,
  Route,
  VlanTag,
  VxlanScript,
  VxlanTag,
} from './facts.ts'
import { routeProtocol, vxlanPort } from './names.ts'
import { readOpenVswitch, usesOpenVswitch } from './openVswitch.ts'

const name = z.string().check(z.regex(/^[^\s/\p{Cc}]{1,15}$/u))
const linkShape = z.object({
  ifname: z.string().check(z.maxLength(40)),
  link: z.nullish(name),
  master: z.nullish(name),
  mtu: z.optional(z.int()),
  group: z.nullish(z.string()),
  flags: z.array(z.string()),
  altnames: z.optional(z.array(z.string())),
  linkinfo: z.optional(z.object({ info_kind: z.optional(z.string()), info_data: z.optional(z.unknown()) })),
})
type LinkShape = z.infer<typeof linkShape>
const vlanShape = z.object({ id: z.int().check(z.gte(0), z.lte(4095)), protocol: z.optional(z.string()) })
/** A VXLAN device that takes its VNI from a route (`external`) has none; some versions print 0. */
const vxlanShape = z.object({
  id: z.optional(z.int().check(z.gte(0), z.lte(0xffffff))),
  external: z.optional(z.boolean()),
  link: z.nullish(name),
  group: z.optional(z.string()),
  port: z.optional(z.int()),
})
const routesShape = z.array(
  z.object({ dst: z.string(), dev: z.optional(name), protocol: z.optional(z.union([z.string(), z.int()])) }),
)
/** Some versions print `{}` for a link that they do not show. */
const linksShape = z
  .array(z.union([linkShape, z.strictObject({ ifname: z.optional(z.never()) })]))
  .check(z.minLength(1))
const count = z.pipe(z.string().check(z.regex(/^\d{1,10}$/)), z.transform(Number))
/** Of `disable_ipv6`: true where IPv6 is on. */
const switchShape = z.pipe(
  z.string().check(z.regex(/^-?\d{1,10}$/)),
  z.transform((value) => Number(value) === 0),
)
const hostShape = z.tuple([
  z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,253}$/)),
  z.string().check(z.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)),
])

/** What a host says of itself first, and all that it says where it is as its digest says. */
export interface Identity {
  readonly hostname: string
  readonly bootId: string
}

/** @returns null where the host was listed. @throws HostError HostMisread */
export function readUnchanged(output: string): Identity | null {
  const lines = output.split(/\r?\n/)
  const [host, same] = [lines.indexOf(marker('host')), lines.lastIndexOf(sameMarker)]
  if (same < 0) return null
  if (host < 0 || lines.slice(same + 1).some((line) => line !== ''))
    throw misread('it says that nothing changed, and more')
  return identityOf(lines.slice(host + 1, same).join('\n'))
}

function identityOf(text: string): Identity {
  const [hostname, bootId] = parsed('hostname and boot id', hostShape, text.trim().split('\n'))
  return { hostname, bootId }
}

/** The output of the observe command, in its parts, and what `ip -d -j link` said in it. */
export interface Listing {
  readonly parts: Readonly<Record<Section, string>>
  readonly links: unknown
}

/** @throws HostError HostMisread, naming the part that was not understood. */
export function readListing(output: string): Listing {
  const parts = splitSections(output)
  return { parts, links: json('"ip -d -j link"', parts.links) }
}

/** @throws HostError HostMisread, naming the part that was not understood. */
export const readObservation = (output: string): HostFacts => factsOf(readListing(output))

/** @throws HostError as readObservation does. */
export function factsOf({ parts, links: printed }: Listing): HostFacts {
  const { switches, groups, ...kernel } = readKernel(parts.kernel)
  const links = parsed('links', linksShape, printed).flatMap((shape) => (shape.ifname === undefined ? [] : [shape]))
  const agent = readAgent(parts.agent)
  return {
    ...identityOf(parts.host),
    links: links.map((shape) => linkOf(shape, switches, groups)),
    kernel: { ...kernel, ipv6: switches.size > 0 },
    routes: readRoutes(parts.routes),
    vxlanScript: readVxlanScript(parts.vxlanScript),
    agent,
    openVswitch: usesOpenVswitch(agent) ? readOvs(parts.openVswitch) : null,
  }
}

function splitSections(output: string): Readonly<Record<Section, string>> {
  const lines = output.split(/\r?\n/)
  const starts = sections.map((section) => {
    const at = lines.indexOf(marker(section))
    if (at < 0) throw misread(`its output lacks the part "${section}"; it begins with ${excerpt(output)}`)
    if (lines.indexOf(marker(section), at + 1) >= 0) throw misread(`its output has the part "${section}" twice`)
    return at
  })
  const body = (section: Section): string => {
    const at = sections.indexOf(section)
    const [from = 0, to = lines.length] = [starts[at], starts[at + 1]]
    if (to <= from) throw misread('the parts of its output are not in order')
    return lines.slice(from + 1, to).join('\n')
  }
  return {
    host: body('host'),
    links: body('links'),
    kernel: body('kernel'),
    routes: body('routes'),
    vxlanScript: body('vxlanScript'),
    agent: body('agent'),
    openVswitch: body('openVswitch'),
    end: body('end'),
  }
}

function json(command: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw misread(`${command} did not answer JSON but ${excerpt(text)}`, cause)
  }
}

const knownFiles: ReadonlySet<string> = new Set(Object.values(kernelFiles))

/** Of each device that has one; null: none has a name, so that they are as `ip` prints them. */
type Groups = ReadonlyMap<string, number> | null

/** Whether IPv6 is on, for each device that has a switch. A kernel without IPv6 has none. */
type Switches = ReadonlyMap<string, boolean>

/** `file:value` a line. Where link groups have names, `ip` prints these, and the groups come from the kernel. */
function readKernel(
  text: string,
): Omit<KernelFacts, 'ipv6'> & { readonly groups: Groups; readonly switches: Switches } {
  const lines = text.split('\n').filter((one) => one !== '')
  const isPrinted = lines.includes(withoutGroupNames)
  const hasIpv6 = !lines.includes(withoutIpv6)
  const groups = new Map<string, number>()
  const switches = new Map<string, boolean>()
  const values = new Map<string, string>()
  for (const line of lines.filter((one) => one !== withoutGroupNames && one !== withoutIpv6)) {
    const [, file, value] = /^([^:]+):(.*)$/.exec(line) ?? []
    if (file === undefined || value === undefined) throw misread(`what the kernel says reads ${excerpt(line)}`)
    const [, device = '', what] = /^([^/]+)\/(netdev_group|disable_ipv6)$/.exec(file) ?? []
    if (what === 'disable_ipv6') switches.set(device, parsed(`the IPv6 switch of ${device}`, switchShape, value))
    else if (what === 'netdev_group') groups.set(device, parsed(`the link group of ${device}`, count, value))
    else if (knownFiles.has(file)) values.set(file, value)
    else throw misread(`the kernel was not asked for ${excerpt(file)}`)
  }
  if (hasIpv6 && !switches.has('all')) throw misread('the list of IPv6 switches is not whole')
  const [, seconds, hundredths] = /^(\d+)\.(\d\d) /.exec(values.get(kernelFiles.uptime) ?? '') ?? []
  if (seconds === undefined || hundredths === undefined) throw misread('the boot clock is missing')
  const limit = (file: string): number | null => {
    const value = values.get(file)
    return value === undefined ? null : parsed(file, count, value)
  }
  return {
    switches,
    groups: isPrinted ? null : groups,
    uptime: Number(seconds) * 100 + Number(hundredths),
    igmpMaxMemberships: limit(kernelFiles.igmpMaxMemberships),
    optmemMax: limit(kernelFiles.optmemMax),
  }
}

/** A kernel that never had a route has no table to print, and `ip` then prints nothing. */
function readRoutes(text: string): readonly Route[] {
  if (text.trim() === '') return []
  const routes = parsed('routes', routesShape, json('"ip -4 -j route"', text))
  return routes.map(({ dst, dev, protocol }) => ({
    destination: dst,
    device: dev ?? null,
    // A number that this host has a name for may be anybody's.
    ours: String(protocol) === String(routeProtocol),
  }))
}

function readVxlanScript(text: string): VxlanScript {
  return parsed('which modifyvxlan.sh it has', z.enum(['multicast', 'other', 'absent']), text.trim())
}

const agentKeys: Readonly<Record<string, keyof AgentDevices>> = {
  'public.network.device': 'public',
  'private.network.device': 'private',
  'guest.network.device': 'guest',
  'network.bridge.type': 'bridgeType',
  'libvirt.vif.driver': 'guestDriver',
}

/** The Java properties that we ask for: the last one wins, `=`, `:` or a space may separate. */
function readAgent(text: string): AgentDevices | null {
  const [first, ...lines] = text.split('\n')
  if (first !== readable) return null
  const found: { -readonly [key in keyof AgentDevices]: AgentDevices[key] } = {}
  let guestOnly: string | undefined
  for (const line of lines) {
    const [, key = '', value] = /^\s*([a-zA-Z.]+)\s*[=:\s]\s*(\S+)\s*$/.exec(line) ?? []
    const name = Object.hasOwn(agentKeys, key) ? agentKeys[key] : undefined
    if (key === 'libvirt.vif.driver.Guest') guestOnly = value
    else if (name !== undefined && value !== undefined) found[name] = value
  }
  return guestOnly === undefined ? found : { ...found, guestDriver: guestOnly }
}

function readOvs(text: string): OpenVswitch {
  try {
    return readOpenVswitch(text)
  } catch (cause) {
    throw misread(`ovs-vsctl did not answer as it should but ${excerpt(text)}`, cause)
  }
}

function linkOf(shape: LinkShape, switches: Switches, groups: Groups): Link {
  const [ownName = '', printedParent] = shape.link == null ? shape.ifname.split('@') : [shape.ifname]
  const link = parsed('the name of a link', name, ownName)
  const kind = shape.linkinfo?.info_kind ?? null
  const vxlan = kind === 'vxlan' ? parsed(`the VXLAN device ${link}`, vxlanShape, shape.linkinfo?.info_data ?? {}) : {}
  return {
    name: link,
    alternativeNames: shape.altnames ?? [],
    kind,
    // The device below a VXLAN device is among its own data.
    parent: shape.link ?? printedParent ?? vxlan.link ?? null,
    master: shape.master ?? null,
    vlan: kind === 'vlan' ? tagOf(link, shape.linkinfo?.info_data) : null,
    vxlan: vxlanTagOf(vxlan),
    group: groups === null ? printedGroup(link, shape.group) : (groups.get(link) ?? 0),
    mtu: shape.mtu ?? null,
    up: shape.flags.includes('UP'),
    ipv6: switches.get(link) ?? false,
  }
}

/** Group 0 is printed as `default`, where it has that name. */
const printedGroup = (link: string, group: string | null | undefined): number =>
  group == null || group === 'default' ? 0 : parsed(`the link group of ${link}`, count, group)

function tagOf(link: string, data: unknown): VlanTag {
  const { id, protocol } = parsed(`the VLAN device ${link}`, vlanShape, data)
  return { id, protocol: protocol ?? '802.1Q' }
}

function vxlanTagOf({ id, external, group, port }: z.infer<typeof vxlanShape>): VxlanTag | null {
  return id === undefined || external ? null : { vni: id, group: group ?? null, port: port ?? vxlanPort }
}

function parsed<T>(what: string, schema: z.ZodMiniType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw misread(`${what}: ${issue?.path.join('.')} ${issue?.message}`)
}

const excerpt = (text: string): string => JSON.stringify(text.trim().slice(0, 80))

function misread(detail: string, cause?: unknown): HostError {
  return new HostError('HostMisread', `The host cannot be read: ${detail}`, { cause })
}
