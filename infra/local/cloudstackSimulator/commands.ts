/**
 * The commands that the simulator knows, one line each: who may call it, what it demands, what it does. In: a caller and
 * parameters. Out: the answer that goes under `<command>response`.
 */
import type { Authority } from './authority.ts'
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
import type { Answer, Parameters } from './listing.ts'
import type { Account, Host, Role } from './model.ts'
import { createNetwork, deleteNetwork } from './networkLife.ts'
import { invalid, missing, Refusal, unknownId } from './refusal.ts'
import { createRole, createRolePermission, listRolePermissions, listRoles, roleAllows } from './roles.ts'
import { hostRow, networkRow } from './rows.ts'
import { type CloudState, hostOf, noteEvent } from './state.ts'
import { createWebhook, deleteWebhook, listWebhookDeliveries, listWebhooks, updateWebhook } from './webhooks.ts'

export interface CommandContext {
  readonly state: CloudState
  readonly jobs: Jobs
  readonly authority: Authority
  readonly account: Account
  /** A fault: an Admin sees no URIs any more. */
  readonly rightLost: boolean
  /** A fault: commands that no role allows any more. */
  readonly denied: readonly string[]
}

interface Command {
  readonly everybody?: true
  /** The types of role to which the command itself is allowed, where no rule of a role says otherwise. */
  readonly annotated?: readonly Role[]
  readonly demands?: readonly string[]
  readonly async?: true
  /** The first version that has it; absent: all that are simulated. */
  readonly since?: string
  readonly run: (context: CommandContext, parameters: Parameters) => Answer | Promise<Answer>
}

const webhookCommand = { everybody: true, annotated: ['Admin', 'DomainAdmin', 'User'], since: '4.20' } as const

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
  issueCertificate: { annotated: ['Admin'], async: true, run: runIssueCertificate },
  createWebhook: {
    ...webhookCommand,
    demands: ['name', 'payloadurl'],
    run: createWebhook,
  },
  updateWebhook: {
    ...webhookCommand,
    demands: ['id'],
    run: updateWebhook,
  },
  deleteWebhook: {
    ...webhookCommand,
    demands: ['id'],
    run: deleteWebhook,
  },
  listWebhooks: {
    ...webhookCommand,
    run: listWebhooks,
  },
  listWebhookDeliveries: {
    ...webhookCommand,
    run: listWebhookDeliveries,
  },
  listRoles: { annotated: ['Admin', 'DomainAdmin'], run: listRoles },
  listRolePermissions: { annotated: ['Admin'], run: listRolePermissions },
  createRole: { annotated: ['Admin'], demands: ['name', 'type'], run: createRole },
  createRolePermission: {
    annotated: ['Admin'],
    demands: ['roleid', 'rule', 'permission'],
    run: createRolePermission,
  },
}

/** Names are case-sensitive. */
export const isCommand = (name: string): boolean => Object.hasOwn(table, name)

/** @throws Refusal 432 for a role without the command, 431 for a missing parameter, 530 where the server itself fails */
export async function runCommand(name: string, context: CommandContext, parameters: Parameters): Promise<Answer> {
  const command = table[name]
  if (command === undefined || !allows(context, name)) throw notAvailable(name, context.account)
  const lacking = (command.demands ?? []).find((parameter) => !parameters.has(parameter))
  if (lacking !== undefined) throw missing(name, lacking)
  return command.run(context, parameters)
}

function allows({ state, account, denied }: CommandContext, name: string): boolean {
  if (denied.includes(name)) return false
  const { everybody = false, annotated = [], since = '' } = table[name] ?? {}
  if (isOlder(state.options.version, since)) return false
  const custom = account.roleId === undefined ? undefined : state.roles.get(account.roleId)
  if (custom !== undefined) return roleAllows(custom, name, annotated)
  return account.role === 'Admin' || everybody
}

/** By the first two numbers. */
function isOlder(version: string, since: string): boolean {
  const numbers = (text: string): readonly number[] => text.split('.').map(Number)
  const [[major = 0, minor = 0], [sinceMajor = 0, sinceMinor = 0]] = [numbers(version), numbers(since)]
  return major < sinceMajor || (major === sinceMajor && minor < sinceMinor)
}

function notAvailable(command: string, { name, number, id }: Account): Refusal {
  const account = `Account [{"accountName":"${name}","id":${number},"uuid":"${id}"}]`
  return new Refusal(432, `The API [${command}] does not exist or is not available for the account ${account}.`)
}

function listCapabilities({ state: { options } }: CommandContext): Answer {
  const { version, dynamicRoles } = options
  return { capability: { cloudstackversion: version, dynamicrolesenabled: dynamicRoles, defaultuipagesize: 20 } }
}

/** What the caller may call; it is never paged, and a name that is none, or that the caller may not call, is an error. */
function listApis(context: CommandContext, parameters: Parameters): Answer {
  const wanted = parameters.get('name')
  const rows = Object.entries(table)
    .filter(([name]) => allows(context, name) && (wanted === undefined || wanted === name))
    .map(([name, command]) => ({
      name,
      isasync: command.async === true,
      params: (command.demands ?? []).map((parameter) => ({ name: parameter, required: true })),
    }))
  if (rows.length > 0) return { count: rows.length, api: rows }
  throw new Refusal(530, 'Api Discovery plugin was unable to find an api by that name or process any apis')
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

function runIssueCertificate({ state, jobs, authority }: CommandContext, parameters: Parameters): Answer {
  const days = parameters.get('duration')
  if (days !== undefined && !/^-?\d{1,9}$/.test(days)) throw invalid('issueCertificate', 'duration', days)
  return jobs.start('issueCertificate', instance('None', ''), async () => {
    const certificates = authority.issue(parameters)
    const description = `Issuing certificate for domain(s)=${parameters.get('domain') ?? null}, ip(s)=${parameters.get('ipaddress') ?? null}`
    noteEvent(state, { type: 'CA.CERTIFICATE.ISSUE', state: 'Completed', description, resourceType: 'None' })
    return { certificates }
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
