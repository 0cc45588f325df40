/**
 * The list commands: which rows a caller may see, in the server's own order. In: the state, the caller, the parameters.
 * Out: an answer, paged. Unknown parameters are ignored, as the server does.
 */
import type { CommandContext } from './commands.ts'
import { type Answer, type Parameters, pageOf } from './listing.ts'
import type { Host, Network } from './model.ts'
import { Refusal, unknownId } from './refusal.ts'
import {
  clusterRow,
  eventRow,
  hostRow,
  networkRow,
  offeringRow,
  physicalNetworkRow,
  podRow,
  trafficTypeRow,
  zoneRow,
} from './rows.ts'
import type { CloudState } from './state.ts'

export function listZones({ state: { seed } }: CommandContext, parameters: Parameters): Answer {
  const rows = seed.zones.filter(by(parameters, 'id', ({ id }) => id))
  return pageOf({ command: 'listZones', name: 'zone', rows, render: zoneRow, countAlone: true }, parameters)
}

export function listPods({ state }: CommandContext, parameters: Parameters): Answer {
  const rows = state.seed.pods.filter(by(parameters, 'zoneid', ({ zone }) => zone))
  return pageOf({ command: 'listPods', name: 'pod', rows, render: (pod) => podRow(state, pod) }, parameters)
}

export function listClusters({ state }: CommandContext, parameters: Parameters): Answer {
  const rows = state.seed.clusters.filter(by(parameters, 'zoneid', ({ zone }) => zone))
  return pageOf({ command: 'listClusters', name: 'cluster', rows, render: (one) => clusterRow(state, one) }, parameters)
}

export function listPhysicalNetworks({ state }: CommandContext, parameters: Parameters): Answer {
  const rows = state.seed.physicalNetworks
    .filter(by(parameters, 'id', ({ id }) => id))
    .filter(by(parameters, 'zoneid', ({ zone }) => zone))
  const render = (one: (typeof rows)[number]) => physicalNetworkRow(state, one)
  return pageOf({ command: 'listPhysicalNetworks', name: 'physicalnetwork', rows, render }, parameters)
}

export function listTrafficTypes({ state: { seed } }: CommandContext, parameters: Parameters): Answer {
  const asked = parameters.get('physicalnetworkid') ?? ''
  const physical = seed.physicalNetworks.find(({ id }) => id === asked)
  if (physical === undefined) throw unknownId('listTrafficTypes', 'physicalnetworkid', asked)
  const render = (one: (typeof physical.trafficTypes)[number]) => trafficTypeRow(physical.id, one)
  return pageOf({ command: 'listTrafficTypes', name: 'traffictype', rows: physical.trafficTypes, render }, parameters)
}

export function listNetworkOfferings({ state: { seed } }: CommandContext, parameters: Parameters): Answer {
  const rows = seed.offerings
    .filter(by(parameters, 'id', ({ id }) => id))
    .filter(by(parameters, 'guestiptype', ({ guestType }) => guestType))
  const listing = { command: 'listNetworkOfferings', name: 'networkoffering', rows, render: offeringRow }
  return pageOf(listing, parameters)
}

const detailNames: ReadonlySet<string> = new Set(['all', 'capacity', 'events', 'stats', 'min'])

/** Newest first. An id that is none is 431; a type, state or resource state that is none matches nothing. */
export function listHosts({ state }: CommandContext, parameters: Parameters): Answer {
  const details = parameters.get('details') ?? 'all'
  if (!details.split(',').every((detail) => detailNames.has(detail))) {
    const allowed = [...detailNames].join(', ')
    throw new Refusal(
      431,
      `The details parameter contains a non permitted value. The allowed values are [${allowed}]`,
      4350,
    )
  }
  checkId(parameters, 'listHosts', 'id', (id) => state.hosts.has(id))
  checkId(parameters, 'listHosts', 'zoneid', (id) => state.seed.zones.some((zone) => zone.id === id))
  const matches = [
    by<Host>(parameters, 'id', ({ id }) => id),
    by<Host>(parameters, 'type', ({ type }) => type),
    by<Host>(parameters, 'zoneid', ({ zone }) => zone),
    by<Host>(parameters, 'clusterid', ({ cluster }) => cluster),
    by<Host>(parameters, 'state', (host) => host.state),
    by<Host>(parameters, 'resourcestate', ({ resourceState }) => resourceState),
    by<Host>(parameters, 'hypervisor', ({ hypervisor }) => hypervisor),
    by<Host>(parameters, 'name', ({ name }) => name),
  ]
  const rows = [...state.hosts.values()].filter((host) => matches.every((match) => match(host))).reverse()
  const render = (host: Host): Answer => hostRow(state, host, details)
  return pageOf({ command: 'listHosts', name: 'host', rows, render, countAlone: true }, parameters)
}

/** Newest first, but shared networks last: the server concatenates lists. A deleted id is 200 and `{}`. */
export function listNetworks({ state, account, rightLost }: CommandContext, parameters: Parameters): Answer {
  const sees = account.role === 'Admin' && !rightLost
  if (account.role === 'Admin' && parameters.get('issystem') === 'true') {
    throw new Refusal(530, 'Cannot invoke "com.cloud.dc.DataCenter.getDns1()" because "zone" is null')
  }
  const matches = [
    by<Network>(parameters, 'id', ({ id }) => id),
    by<Network>(parameters, 'zoneid', ({ zone }) => zone),
    by<Network>(parameters, 'networkofferingid', ({ offering }) => offering),
    by<Network>(parameters, 'physicalnetworkid', ({ physicalNetwork }) => physicalNetwork),
    by<Network>(parameters, 'type', (network) => guestType(state, network)),
    ofProject(state, parameters.get('projectid')),
    (network: Network) => account.role !== 'User' || isShared(state, network) || network.account === account.name,
  ]
  const found = [...state.networks.values()].filter((network) => matches.every((match) => match(network))).reverse()
  const rows = [...found.filter((one) => !isShared(state, one)), ...found.filter((one) => isShared(state, one))]
  const render = (network: Network): Answer => networkRow(state, network, sees)
  return pageOf({ command: 'listNetworks', name: 'network', rows, render }, parameters)
}

/** projectid=-1 replaces: only the networks of projects then, besides the shared ones (FACTS F1). */
function ofProject(state: CloudState, asked: string | undefined): (network: Network) => boolean {
  return (network) => {
    if (isShared(state, network)) return true
    return asked === '-1' ? network.project !== undefined : network.project === asked
  }
}

const guestType = (state: CloudState, { offering }: Network): string | undefined =>
  state.offerings.get(offering)?.guestType

const isShared = (state: CloudState, network: Network): boolean => guestType(state, network) === 'Shared'

/** Newest first. `startdate` is a day, or a day and a time, in the server's time zone, which is UTC here. */
export function listEvents({ state, account }: CommandContext, parameters: Parameters): Answer {
  const start = startOf(parameters.get('startdate'))
  const keyword = parameters.get('keyword')?.toLowerCase()
  const rows = state.events
    .filter(by(parameters, 'type', ({ type }) => type))
    .filter(({ created }) => created >= start)
    .filter((event) => account.role === 'Admin' || event.account === account.name)
    .filter(
      ({ type, description }) => keyword === undefined || `${type} ${description}`.toLowerCase().includes(keyword),
    )
    .reverse()
  return pageOf({ command: 'listEvents', name: 'event', rows, render: eventRow }, parameters)
}

function startOf(text: string | undefined): number {
  if (text === undefined) return Number.NEGATIVE_INFINITY
  const [, day, time = '00:00:00'] = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d))?$/.exec(text) ?? []
  if (day === undefined) throw new Refusal(431, `Unable to parse date ${text} for command listEvents`)
  return Date.parse(`${day}T${time}Z`)
}

/** Equal to the parameter, where there is one. */
function by<Row>(parameters: Parameters, name: string, field: (row: Row) => string | undefined): (row: Row) => boolean {
  const wanted = parameters.get(name)
  return (row) => wanted === undefined || field(row) === wanted
}

function checkId(parameters: Parameters, command: string, name: string, known: (id: string) => boolean): void {
  const id = parameters.get(name)
  if (id !== undefined && !known(id)) throw unknownId(command, name, id)
}
