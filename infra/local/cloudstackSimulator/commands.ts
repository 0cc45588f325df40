/**
 * The commands that the simulator knows, one line each: who may call it, what it demands, what it does. In: a caller and
 * parameters. Out: the answer that goes under `<command>response`.
 */
import { addHost, cancelMaintenance, prepareForMaintenance, reconnectHost, removeHost, updateHost } from './hostLife.ts'
import type { JobInstance, Jobs } from './jobs.ts'
import {
  listClusters,
  listEvents,
  listHosts,
  listNetworkOfferings,
  listNetworks,
  listPhysicalNetworks,
  listPods,
  listTrafficTypes,
  listZones,
} from './listCommands.ts'
import { type Answer, type Parameters, pageOf } from './listing.ts'
import type { Account, Host } from './model.ts'
import { createNetwork, deleteNetwork } from './networkLife.ts'
import { invalid, missing, Refusal, unknownId } from './refusal.ts'
import { hostRow, networkRow } from './rows.ts'
import { type CloudState, hostOf } from './state.ts'

export interface CommandContext {
  readonly state: CloudState
  readonly jobs: Jobs
  readonly account: Account
  /** A fault: an Admin sees no URIs any more. */
  readonly rightLost: boolean
}

interface Command {
  readonly everybody?: true
  readonly demands?: readonly string[]
  readonly async?: true
  readonly run: (context: CommandContext, parameters: Parameters) => Answer | Promise<Answer>
}

const table: Readonly<Record<string, Command>> = {
  listZones: { everybody: true, run: listZones },
  listPods: { run: listPods },
  listClusters: { run: listClusters },
  listPhysicalNetworks: { run: listPhysicalNetworks },
  listTrafficTypes: { demands: ['physicalnetworkid'], run: listTrafficTypes },
  listNetworkOfferings: { everybody: true, run: listNetworkOfferings },
  listNetworks: { everybody: true, run: listNetworks },
  listHosts: { run: listHosts },
  listEvents: { everybody: true, run: listEvents },
  listCapabilities: { everybody: true, run: listCapabilities },
  listApis: { everybody: true, run: listApis },
  queryAsyncJobResult: {
    everybody: true,
    demands: ['jobid'],
    run: ({ jobs }, parameters) => jobs.query(get(parameters, 'jobid')),
  },
  addHost: { demands: ['zoneid', 'podid', 'hypervisor', 'url', 'clusterid'], run: runAddHost },
  deleteHost: { demands: ['id'], run: runDeleteHost },
  updateHost: { demands: ['id'], run: runUpdateHost },
  reconnectHost: { demands: ['id'], async: true, run: hostJob('reconnectHost', reconnectHost) },
  prepareHostForMaintenance: {
    demands: ['id'],
    async: true,
    run: hostJob('prepareHostForMaintenance', prepareForMaintenance),
  },
  cancelHostMaintenance: { demands: ['id'], async: true, run: hostJob('cancelHostMaintenance', cancelMaintenance) },
  createNetwork: { everybody: true, demands: ['name', 'networkofferingid', 'zoneid'], run: runCreateNetwork },
  deleteNetwork: { everybody: true, demands: ['id'], async: true, run: runDeleteNetwork },
}

/** Names are case-sensitive. */
export const isCommand = (name: string): boolean => Object.hasOwn(table, name)

/** @throws Refusal 432 for a role without the command, 431 for a missing parameter, 530 where the server itself fails */
export async function runCommand(name: string, context: CommandContext, parameters: Parameters): Promise<Answer> {
  const command = table[name]
  if (command === undefined || !allows(context.account, name)) throw notAvailable(name, context.account)
  const lacking = (command.demands ?? []).find((parameter) => !parameters.has(parameter))
  if (lacking !== undefined) throw missing(name, lacking)
  return command.run(context, parameters)
}

function allows({ role, commands }: Account, name: string): boolean {
  if (commands !== undefined) return commands.includes(name)
  return role === 'Admin' || table[name]?.everybody === true
}

function notAvailable(command: string, { name, number, id }: Account): Refusal {
  const account = `Account [{"accountName":"${name}","id":${number},"uuid":"${id}"}]`
  return new Refusal(432, `The API [${command}] does not exist or is not available for the account ${account}.`)
}

function listCapabilities({ state }: CommandContext): Answer {
  return { capability: { cloudstackversion: state.options.version, dynamicrolesenabled: true, defaultuipagesize: 20 } }
}

function listApis({ account }: CommandContext, parameters: Parameters): Answer {
  const wanted = parameters.get('name')
  const rows = Object.entries(table).filter(
    ([name]) => allows(account, name) && (wanted === undefined || wanted === name),
  )
  const render = ([name, command]: (typeof rows)[number]): Answer => ({
    name,
    isasync: command.async === true,
    params: (command.demands ?? []).map((parameter) => ({ name: parameter, required: true })),
  })
  return pageOf({ command: 'listApis', name: 'api', rows, render }, parameters)
}

async function runAddHost({ state }: CommandContext, parameters: Parameters): Promise<Answer> {
  const clusterId = get(parameters, 'clusterid')
  const cluster = state.seed.clusters.find(({ id }) => id === clusterId)
  if (cluster === undefined) throw unknownId('addHost', 'clusterid', clusterId)
  const url = URL.parse(get(parameters, 'url'))
  if (url === null) throw invalid('addHost', 'url', get(parameters, 'url'))
  const { id, zone, pod } = cluster
  const hypervisor = get(parameters, 'hypervisor')
  const plan = { name: url.hostname, address: url.hostname, zone, pod, cluster: id, hypervisor }
  const host = await addHost(state, plan)
  return { count: 1, host: [hostRow(state, host, 'all')] }
}

function runDeleteHost({ state }: CommandContext, parameters: Parameters): Answer {
  removeHost(state, knownHost(state, 'deleteHost', parameters).id, parameters.get('forced') === 'true')
  return { success: 'true' }
}

async function runUpdateHost({ state }: CommandContext, parameters: Parameters): Promise<Answer> {
  const { id } = knownHost(state, 'updateHost', parameters)
  const asked = parameters.get('allocationstate')
  if (asked !== undefined && asked !== 'Enable' && asked !== 'Disable') {
    throw invalid('updateHost', 'allocationstate', asked)
  }
  return { host: hostRow(state, await updateHost(state, id, asked), 'all') }
}

function hostJob(command: string, action: (state: CloudState, host: string) => Host): Command['run'] {
  return ({ state, jobs }, parameters) => {
    const { id } = knownHost(state, command, parameters)
    return jobs.start(command, instance('Host', id), async () => ({ host: hostRow(state, action(state, id), 'all') }))
  }
}

async function runCreateNetwork(
  { state, account, rightLost }: CommandContext,
  parameters: Parameters,
): Promise<Answer> {
  const zone = get(parameters, 'zoneid')
  const offering = get(parameters, 'networkofferingid')
  if (!state.offerings.has(offering)) throw unknownId('createNetwork', 'networkofferingid', offering)
  if (!state.seed.zones.some(({ id }) => id === zone)) throw unknownId('createNetwork', 'zoneid', zone)
  const network = await createNetwork(state, {
    name: get(parameters, 'name'),
    zone,
    offering,
    account: account.name,
    ...given({
      physicalNetwork: parameters.get('physicalnetworkid'),
      vlan: parameters.get('vlan'),
      isolatedPvlan: parameters.get('isolatedpvlan'),
      project: parameters.get('projectid'),
    }),
  })
  return { network: networkRow(state, network, account.role === 'Admin' && !rightLost) }
}

function runDeleteNetwork({ state, jobs }: CommandContext, parameters: Parameters): Answer {
  const id = get(parameters, 'id')
  if (!state.networks.has(id)) throw unknownId('deleteNetwork', 'id', id)
  return jobs.start('deleteNetwork', instance('Network', id), async () => {
    await deleteNetwork(state, id)
    return { success: true }
  })
}

/** Without the fields that are undefined. */
const given = (fields: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

const instance = (type: JobInstance['type'], id: string): JobInstance => ({ type, id })

/** Parameters that the table demands are there. */
const get = (parameters: Parameters, name: string): string => parameters.get(name) ?? ''

/** Takes the internal number too, as the server does. */
function knownHost(state: CloudState, command: string, parameters: Parameters): Host {
  const id = get(parameters, 'id')
  const host = state.hosts.get(id) ?? (/^\d+$/.test(id) ? hostOf(state, id) : undefined)
  if (host === undefined) throw unknownId(command, 'id', id)
  return host
}
