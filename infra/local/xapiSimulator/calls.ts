/**
 * The calls that the simulated XAPI knows, with XAPI's own rules and error codes (ocaml/xapi: xapi_vlan, xapi_pif, xapi_network).
 * In: a method, its parameters after the session. Out: a result, or SimulatedFailure.
 */
import { type ClassName, type Database, type Field, networkRecord, nothing, type Stored } from './database.ts'
import { SimulatedFailure } from './failure.ts'

const classNames = [
  'pool',
  'host',
  'network',
  'PIF',
  'PIF_metrics',
  'VLAN',
  'VM',
  'VIF',
  'Bond',
  'tunnel',
] as const satisfies readonly ClassName[]

type Call = (database: Database, parameters: readonly unknown[]) => unknown

const special: Readonly<Record<string, Call>> = {
  'network.create': (database, [record]) => createNetwork(database, mapOf('record', record)),
  'network.destroy': (database, [self]) => destroyNetwork(database, textOf('self', self)),
  'VLAN.create': (database, [pif, tag, network]) =>
    createVlan(database, textOf('tagged_PIF', pif), wholeOf('tag', tag), textOf('network', network)),
  'VLAN.destroy': (database, [self]) => destroyVlan(database, textOf('self', self)),
  'PIF.plug': (database, [self]) => {
    recordOf(database, 'PIF', textOf('self', self)).currently_attached = true
    return ''
  },
  'PIF.unplug': (database, [self]) => unplug(database, textOf('self', self)),
}

const generic = ['get_all', 'get_all_records', 'get_record', 'get_by_uuid', 'get_by_name_label'] as const
const changing = ['set', 'add_to', 'remove_from', 'add', 'remove'] as const
/** XAPI lets nobody set any other of these classes' fields. */
const settable: ReadonlySet<string> = new Set(['name_label', 'name_description', 'other_config', 'tags', 'MTU'])

export const methodNames: readonly string[] = [
  'session.login_with_password',
  'session.logout',
  'system.listMethods',
  'host.get_API_version_major',
  'host.get_API_version_minor',
  ...Object.keys(special),
  ...classNames.flatMap((name) => generic.map((call) => `${name}.${call}`)),
]

/** Whether a user who may only read is refused it. */
export const isChange = (method: string): boolean =>
  Object.hasOwn(special, method) || changing.some((verb) => method.split('.')[1]?.startsWith(`${verb}_`))

/** @throws SimulatedFailure */
export function call(database: Database, method: string, parameters: readonly unknown[]): unknown {
  const own = Object.hasOwn(special, method) ? special[method] : undefined
  if (own !== undefined) return own(database, parameters)
  const [prefix = '', verb = ''] = method.split('.')
  const name = classNames.find((one) => one === prefix)
  if (name === undefined) throw new SimulatedFailure('MESSAGE_METHOD_UNKNOWN', method)
  const [first, second, third] = parameters
  const table = database.tables[name]
  if (verb === 'get_all') return [...table.keys()]
  if (verb === 'get_all_records') return Object.fromEntries([...table].map(([ref, record]) => [ref, shown(record)]))
  if (verb === 'get_record') return shown(recordOf(database, name, textOf('self', first)))
  if (verb === 'get_by_uuid') return byUuid(database, name, textOf('uuid', first))
  if (verb === 'get_by_name_label')
    return [...table].flatMap(([ref, record]) => (record.name_label === first ? [ref] : []))
  const record = recordOf(database, name, textOf('self', first))
  const [, kind, field = ''] = /^(get|set|add_to|remove_from|add|remove)_(.+)$/.exec(verb) ?? []
  if (kind === undefined || !Object.hasOwn(record, field)) throw new SimulatedFailure('MESSAGE_METHOD_UNKNOWN', method)
  if (kind === 'get') return record[field]
  if (!settable.has(field)) throw new SimulatedFailure('MESSAGE_METHOD_UNKNOWN', method)
  record[field] = changed(kind, record[field], second, third)
  return ''
}

function changed(kind: string, before: Field | undefined, value: unknown, entry: unknown): Field {
  if (kind === 'set') return fieldOf(value)
  if (kind === 'add_to') {
    const map = { ...mapOfTexts(before) }
    const key = textOf('key', value)
    if (Object.hasOwn(map, key)) throw new SimulatedFailure('MAP_DUPLICATE_KEY', key)
    return { ...map, [key]: textOf('value', entry) }
  }
  if (kind === 'remove_from')
    return Object.fromEntries(Object.entries(mapOfTexts(before)).filter(([key]) => key !== value))
  const texts = textsOf(before)
  return kind === 'add' ? [...texts, textOf('value', value)] : texts.filter((one) => one !== value)
}

function createNetwork(database: Database, record: Readonly<Record<string, unknown>>): string {
  const bridge = `xapi${database.tables.network.size}`
  const mtu = Number(record.MTU ?? 0)
  return database.add(
    'network',
    networkRecord(textOf('name_label', record.name_label), bridge, {
      MTU: mtu > 0 ? mtu : 1500,
      other_config: mapOfTexts(fieldOf(record.other_config ?? {})),
      tags: textsOf(fieldOf(record.tags ?? [])),
    }),
  )
}

function destroyNetwork(database: Database, self: string): string {
  const network = recordOf(database, 'network', self)
  const vifs = textsOf(network.VIFs)
  const connected = vifs.filter((vif) => database.tables.VIF.get(vif)?.currently_attached === true)
  if (connected.length > 0) throw new SimulatedFailure('NETWORK_CONTAINS_VIF', ...connected)
  const pifs = textsOf(network.PIFs)
  if (pifs.length > 0) throw new SimulatedFailure('NETWORK_CONTAINS_PIF', ...pifs)
  for (const vif of vifs) database.tables.VIF.delete(vif)
  database.tables.network.delete(self)
  return ''
}

/** In the order in which XAPI asks. */
function createVlan(database: Database, tagged: string, tag: number, networkRef: string): string {
  const { PIF, VLAN } = database.tables
  const network = recordOf(database, 'network', networkRef)
  const pif = recordOf(database, 'PIF', tagged)
  const host = textOf('host', pif.host)
  const other = textsOf(network.PIFs).find((ref) => PIF.get(ref)?.host === host)
  if (other !== undefined) throw new SimulatedFailure('NETWORK_ALREADY_CONNECTED', host, other)
  if (pif.managed !== true) throw new SimulatedFailure('PIF_UNMANAGED', tagged)
  if (pif.bond_slave_of !== nothing) throw new SimulatedFailure('CANNOT_ADD_VLAN_TO_BOND_SLAVE', tagged)
  if (Number(pif.VLAN) >= 0) throw new SimulatedFailure('PIF_IS_VLAN', tagged)
  if (textsOf(pif.tunnel_access_PIF_of).length > 0) throw new SimulatedFailure('IS_TUNNEL_ACCESS_PIF', tagged)
  if (tag < 0 || tag > 4094) throw new SimulatedFailure('VLAN_TAG_INVALID', String(tag))
  const device = textOf('device', pif.device)
  const taken = [...VLAN.values()].some((vlan) => vlan.tagged_PIF === tagged && vlan.tag === tag)
  if (taken) throw new SimulatedFailure('PIF_VLAN_EXISTS', device)
  const untagged = database.add('PIF', {
    ...pif,
    network: networkRef,
    VLAN: tag,
    MAC: 'fe:ff:ff:ff:ff:ff',
    physical: false,
    management: false,
    currently_attached: true,
    bond_master_of: [],
    VLAN_slave_of: [],
    tunnel_transport_PIF_of: [],
    other_config: {},
    uuid: crypto.randomUUID(),
  })
  const vlan = database.add('VLAN', { tagged_PIF: tagged, untagged_PIF: untagged, tag, other_config: {} })
  recordOf(database, 'PIF', untagged).VLAN_master_of = vlan
  pif.VLAN_slave_of = [...textsOf(pif.VLAN_slave_of), vlan]
  network.PIFs = [...textsOf(network.PIFs), untagged]
  return vlan
}

function destroyVlan(database: Database, self: string): string {
  const { untagged_PIF: untagged, tagged_PIF: tagged } = recordOf(database, 'VLAN', self)
  const pif = textOf('untagged_PIF', untagged)
  unplug(database, pif)
  const network = recordOf(database, 'network', textOf('network', recordOf(database, 'PIF', pif).network))
  network.PIFs = textsOf(network.PIFs).filter((ref) => ref !== pif)
  const below = recordOf(database, 'PIF', textOf('tagged_PIF', tagged))
  below.VLAN_slave_of = textsOf(below.VLAN_slave_of).filter((ref) => ref !== self)
  database.tables.PIF.delete(pif)
  database.tables.VLAN.delete(self)
  return ''
}

/** Not while a VM that runs on its host has an interface on its network; and nothing of the management interface. */
function unplug(database: Database, self: string): string {
  const pif = recordOf(database, 'PIF', self)
  if (pif.management === true) throw new SimulatedFailure('PIF_IS_MANAGEMENT_INTERFACE', self)
  const network = textOf('network', pif.network)
  for (const vif of textsOf(recordOf(database, 'network', network).VIFs)) {
    const { currently_attached: attached, VM } = recordOf(database, 'VIF', vif)
    const vm = database.tables.VM.get(String(VM))
    const runsHere = vm?.resident_on === pif.host && vm?.power_state === 'Running'
    if (attached === true && runsHere) throw new SimulatedFailure('VIF_IN_USE', network, vif)
  }
  pif.currently_attached = false
  return ''
}

export function recordOf(database: Database, name: ClassName, ref: string): Stored {
  const record = database.tables[name].get(ref)
  if (record !== undefined) return record
  throw new SimulatedFailure('HANDLE_INVALID', name, ref)
}

function byUuid(database: Database, name: ClassName, uuid: string): string {
  for (const [ref, record] of database.tables[name]) if (record.uuid === uuid) return ref
  throw new SimulatedFailure('UUID_INVALID', name, uuid)
}

/** A record as it was when it was asked for. */
const shown = (record: Stored): Stored => structuredClone(record)

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new SimulatedFailure('FIELD_TYPE_ERROR', name)
}

/** XML-RPC sends numbers as text. */
function wholeOf(name: string, value: unknown): number {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number)) return number
  throw new SimulatedFailure('FIELD_TYPE_ERROR', name)
}

function mapOf(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new SimulatedFailure('FIELD_TYPE_ERROR', name)
}

export const textsOf = (field: Field | undefined): readonly string[] =>
  Array.isArray(field) ? field.map((one) => String(one)) : []

const mapOfTexts = (field: Field | undefined): Readonly<Record<string, string>> =>
  typeof field === 'object' && !Array.isArray(field)
    ? Object.fromEntries(Object.entries(field).map(([key, value]) => [key, String(value)]))
    : {}

function fieldOf(value: unknown): Field {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((one) => String(one))
  return Object.fromEntries(Object.entries(mapOf('value', value)).map(([key, entry]) => [key, String(entry)]))
}
