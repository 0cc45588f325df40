/**
 * What one reading of a pool tells, of all its hosts: XAPI's records, reduced to what is judged here, and indexed once. In:
 * get_all_records as they came, not trusted. Out: PoolFacts; or HostMisread, naming class, object and field.
 */
import '../../english.ts'
import * as z from 'zod/mini'
import { HostError } from '../driver.ts'

export interface XapiHost {
  readonly ref: string
  readonly name: string
  readonly hostname: string
  readonly address: string
  /** When it booted, as XAPI wrote it down. */
  readonly bootTime: string | undefined
}

export interface XapiNetwork {
  readonly ref: string
  readonly uuid: string
  readonly name: string
  readonly tags: readonly string[]
  /** Of any VM, running or not. */
  readonly vifs: readonly string[]
  readonly otherConfig: Readonly<Record<string, string>>
}

export interface XapiPif {
  readonly ref: string
  readonly device: string
  readonly host: string
  readonly network: string
  /** −1: untagged. */
  readonly vlan: number
  readonly managed: boolean
  readonly attached: boolean
  readonly isBondSlave: boolean
  readonly isTunnel: boolean
  /** Null: nothing is known of it. */
  readonly carrier: boolean | null
}

export interface XapiVlan {
  readonly ref: string
  readonly tag: number
  /** The PIF below. */
  readonly tagged: string
  /** The PIF of the VLAN itself. */
  readonly untagged: string
  readonly otherConfig: Readonly<Record<string, string>>
}

export interface PoolFacts {
  readonly pool: { readonly uuid: string }
  readonly hosts: readonly XapiHost[]
  readonly networks: ReadonlyMap<string, XapiNetwork>
  readonly pifs: ReadonlyMap<string, XapiPif>
  readonly networksNamed: (name: string) => readonly XapiNetwork[]
  readonly pifsOn: (network: string) => readonly XapiPif[]
  /** The VLAN of a tag above a PIF. */
  readonly vlanOn: (pif: string, tag: number) => XapiVlan | undefined
  /** The VLAN whose own PIF this is. */
  readonly vlanOf: (pif: string) => XapiVlan | undefined
}

export type XapiClass = 'pool' | 'host' | 'VLAN' | 'PIF' | 'PIF_metrics' | 'network'

/** The whole answer is bounded; what others write into a name or an other_config is not ours to judge. */
const text = z.string()
const reference = text.check(z.minLength(1))
/** JSON-RPC has numbers, XML-RPC and old releases have them as text. */
const whole = z.pipe(
  z.union([z.int(), z.string().check(z.regex(/^-?\d{1,15}$/))]),
  z.transform((value) => Number(value)),
)
const map = z.record(z.string(), text)
const absent = 'OpaqueRef:NULL'

const schemas = {
  pool: z.object({ uuid: text }),
  host: z.object({ name_label: text, hostname: text, address: text, other_config: map }),
  VLAN: z.object({ tag: whole, tagged_PIF: reference, untagged_PIF: reference, other_config: map }),
  PIF: z.object({
    device: text,
    host: reference,
    network: reference,
    VLAN: whole,
    managed: z._default(z.boolean(), true),
    currently_attached: z.boolean(),
    bond_slave_of: text,
    tunnel_access_PIF_of: z._default(z.array(reference), []),
    metrics: text,
  }),
  PIF_metrics: z.object({ carrier: z.boolean() }),
  network: z.object({
    uuid: reference,
    name_label: text,
    tags: z._default(z.array(text), []),
    VIFs: z.array(reference),
    other_config: map,
  }),
}

/** @param answers of each class, what get_all_records answered. @throws HostError HostMisread */
export function factsOf(answers: Readonly<Record<XapiClass, unknown>>): PoolFacts {
  const records = {
    pool: recordsOf('pool', schemas.pool, answers.pool),
    host: recordsOf('host', schemas.host, answers.host),
    VLAN: recordsOf('VLAN', schemas.VLAN, answers.VLAN),
    PIF: recordsOf('PIF', schemas.PIF, answers.PIF),
    metrics: recordsOf('PIF_metrics', schemas.PIF_metrics, answers.PIF_metrics),
    network: recordsOf('network', schemas.network, answers.network),
  }
  const [pool, ...others] = records.pool.values()
  if (pool === undefined || others.length > 0) throw misread(`it has ${records.pool.size} pools, not one`)
  const networks = mapped(records.network, networkOf)
  const pifs = mapped(records.PIF, (ref, pif) => {
    const carrier = records.metrics.get(pif.metrics)?.carrier ?? null
    return {
      ref,
      device: pif.device,
      host: pif.host,
      network: pif.network,
      vlan: pif.VLAN,
      managed: pif.managed,
      attached: pif.currently_attached,
      isBondSlave: pif.bond_slave_of !== '' && pif.bond_slave_of !== absent,
      isTunnel: pif.tunnel_access_PIF_of.length > 0,
      carrier,
    }
  })
  const vlans = [...records.VLAN].map(([ref, vlan]) => {
    const { tag, tagged_PIF: tagged, untagged_PIF: untagged, other_config: otherConfig } = vlan
    return { ref, tag, tagged, untagged, otherConfig }
  })
  return {
    pool,
    hosts: [...records.host].map(([ref, host]) => {
      const { name_label: name, hostname, address, other_config } = host
      return { ref, name, hostname, address, bootTime: other_config.boot_time }
    }),
    networks,
    pifs,
    ...indexed(networks, pifs, vlans),
  }
}

function indexed(
  networks: PoolFacts['networks'],
  pifs: PoolFacts['pifs'],
  vlans: readonly XapiVlan[],
): Pick<PoolFacts, 'networksNamed' | 'pifsOn' | 'vlanOn' | 'vlanOf'> {
  const byName = Map.groupBy(networks.values(), ({ name }) => name)
  const byNetwork = Map.groupBy(pifs.values(), ({ network }) => network)
  const above = new Map(vlans.map((vlan) => [`${vlan.tagged} ${vlan.tag}`, vlan]))
  const own = new Map(vlans.map((vlan) => [vlan.untagged, vlan]))
  return {
    networksNamed: (name) => byName.get(name) ?? [],
    pifsOn: (network) => byNetwork.get(network) ?? [],
    vlanOn: (pif, tag) => above.get(`${pif} ${tag}`),
    vlanOf: (pif) => own.get(pif),
  }
}

function networkOf(ref: string, record: z.infer<typeof schemas.network>): XapiNetwork {
  const { uuid, name_label: name, tags, VIFs: vifs, other_config: otherConfig } = record
  return { ref, uuid, name, tags, vifs, otherConfig }
}

const mapped = <T, R>(records: ReadonlyMap<string, T>, to: (ref: string, record: T) => R): ReadonlyMap<string, R> =>
  new Map([...records].map(([ref, record]) => [ref, to(ref, record)]))

function recordsOf<T>(name: XapiClass, schema: z.ZodMiniType<T>, answer: unknown): ReadonlyMap<string, T> {
  const all = z.record(z.string(), z.unknown()).safeParse(answer)
  if (!all.success) throw misread(`${name}.get_all_records answered no records`)
  return new Map(
    Object.entries(all.data).map(([ref, record]) => {
      const parsed = schema.safeParse(record)
      if (parsed.success) return [ref, parsed.data]
      const issue = parsed.error.issues[0]
      throw misread(`${name} ${ref.slice(0, 80)}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
    }),
  )
}

const misread = (what: string): HostError =>
  new HostError('HostMisread', `The pool's answer is not understood: ${what}.`)
