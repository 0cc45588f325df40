/**
 * What happens to hosts, every step through the two state machines (FACTS G). In: the state and a host. Out: the changed
 * host, the events that the real server writes (none for hosts that come, go, are added or deleted: FACTS F3).
 */
import { maintenanceStates, nextResourceState, nextStatus, type ResourceEvent, type StatusEvent } from './hostStates.ts'
import type { Host } from './model.ts'
import { failed } from './refusal.ts'
import { managementServerId, uuidOf } from './seed.ts'
import { setUpConnectingHost, setUpUpdatedHost } from './setUps.ts'
import { type CloudState, changeHost, hostOf, inBackground, noteEvent } from './state.ts'

/** The agent dials in; the host stays Connecting while the server sets it up, then is Up, or in Alert if that broke off. */
export async function connect(state: CloudState, key: string): Promise<void> {
  const { id } = statusStep(state, key, 'AgentConnected', { agentRuns: true, managementServer: managementServerId })
  const complete = await setUpConnectingHost(state, id)
  if (state.hosts.get(id)?.state !== 'Connecting') return
  statusStep(state, id, complete ? 'Ready' : 'AgentDisconnected')
}

export type Loss = Extract<
  StatusEvent,
  'AgentDisconnected' | 'HostDown' | 'ManagementServerDown' | 'PingTimeout' | 'ShutdownRequested' | 'WaitedTooLong'
>

/** The machine or its agent is gone, and does not dial in by itself. */
export const disconnect = (state: CloudState, key: string, loss: Loss): Host =>
  statusStep(state, key, loss, { agentRuns: false })

/** Heartbeat recovery: Up again without a connection, hence without a set-up (FACTS A7-15). */
export const ping = (state: CloudState, key: string): Host =>
  statusStep(state, key, 'Ping', { agentRuns: true, managementServer: managementServerId })

export type NewHost = Pick<Host, 'name' | 'zone' | 'pod' | 'cluster' | 'hypervisor' | 'address'>

export async function addHost(state: CloudState, plan: NewHost): Promise<Host> {
  const number = Math.max(0, ...[...state.hosts.values()].map((host) => host.number)) + 1
  const id = uuidOf('host', plan.zone, plan.name, `${number}`)
  const { now } = state.options
  const created = { type: 'Routing', state: 'Creating', created: now(), agentRuns: false } as const
  state.hosts.set(id, { ...plan, ...created, id, number, resourceState: 'Enabled' })
  await connect(state, id)
  return hostOf(state, id)
}

/** @param forced deletes it from any resource state */
export function removeHost(state: CloudState, key: string, forced: boolean): void {
  const { id, resourceState } = hostOf(state, key)
  if (!forced && resourceState !== 'Maintenance' && resourceState !== 'Degraded') {
    throw failed(
      `Host ${id} cannot be deleted as it is not in maintenance mode. Either put the host into maintenance or perform a forced deletion.`,
    )
  }
  if (nextResourceState(resourceState, 'DeleteHost') !== undefined) resourceStep(state, id, 'DeleteHost')
  statusStep(state, id, 'Remove', { agentRuns: false })
  state.hosts.delete(id)
}

/** Every updateHost sets the host up, whatever its parameters (FACTS A2). */
export async function updateHost(
  state: CloudState,
  key: string,
  event: 'Disable' | 'Enable' | undefined,
): Promise<Host> {
  const { id } = hostOf(state, key)
  if (event !== undefined) resourceStep(state, id, event)
  await setUpUpdatedHost(state, id)
  return hostOf(state, id)
}

/** Silent on a Disconnected host; an Up host goes away and comes back by itself, later than this answers. */
export function reconnectHost(state: CloudState, key: string): Host {
  const host = hostOf(state, key)
  const note = { type: 'HOST.RECONNECT', state: 'Scheduled', resourceType: 'Host' } as const
  noteEvent(state, { ...note, description: `reconnecting host: ${host.number}`, resourceId: host.id })
  if (host.state === 'Disconnected') return host
  if (host.managementServer === undefined) {
    throw failed(`Unable to disconnect host because it is not connected to this server: ${host.number}`)
  }
  if (host.state !== 'Up') {
    throw failed(
      `Unable to disconnect host because it is not in the correct state: host=${host.number}; Status=${host.state}`,
    )
  }
  statusStep(state, host.id, 'ShutdownRequested')
  comeBackLater(state, host.id)
  return host
}

/** The host is PrepareForMaintenance when this returns, and in Maintenance once it is empty. */
export function prepareForMaintenance(state: CloudState, key: string): Host {
  const host = hostOf(state, key)
  const { id, number } = host
  const note = { type: 'MAINT.PREPARE', resourceType: 'Host' } as const
  noteEvent(state, {
    ...note,
    state: 'Scheduled',
    description: `preparing host: ${number} for maintenance`,
    resourceId: id,
  })
  if (host.state !== 'Up' || nextResourceState(host.resourceState, 'AdminAskMaintenance') === undefined) {
    const why = `Unable to prepare for maintenance host ${number}`
    throw failed(`Failed to prepare host for maintenance due to: ${why}`)
  }
  noteEvent(state, { ...note, state: 'Started', description: `starting maintenance for host ${number}` })
  const prepared = resourceStep(state, id, 'AdminAskMaintenance')
  inBackground(state, async () => {
    await state.options.sleep(state.options.evacuationMs)
    if (state.hosts.get(id)?.resourceState !== 'PrepareForMaintenance') return
    resourceStep(state, id, 'InternalEnterMaintenance')
    noteEvent(state, {
      ...note,
      state: 'Completed',
      description: `completed maintenance for host ${number}`,
      account: 'system',
    })
  })
  return prepared
}

/** Sets nothing up (FACTS A7-5); a host that hung in Alert because of maintenance now gets its connection. */
export function cancelMaintenance(state: CloudState, key: string): Host {
  const { id, number, resourceState } = hostOf(state, key)
  const note = { type: 'MAINT.CANCEL', state: 'Scheduled', resourceType: 'Host' } as const
  noteEvent(state, { ...note, description: `canceling maintenance for host: ${number}`, resourceId: id })
  if (!maintenanceStates.has(resourceState)) {
    throw failed(`Cannot perform cancelMaintenance when resource state is ${resourceState}, hostId = ${number}`)
  }
  const enabled = resourceStep(state, id, 'AdminCancelMaintenance')
  if (enabled.state !== 'Up' && enabled.agentRuns) comeBackLater(state, id)
  return enabled
}

function comeBackLater(state: CloudState, id: string): void {
  inBackground(state, async () => {
    await state.options.sleep(state.options.reconnectMs)
    const host = state.hosts.get(id)
    if (host?.agentRuns && host.state !== 'Up' && host.state !== 'Connecting') await connect(state, id)
  })
}

/** @throws Refusal 530 where the table has no such step */
function statusStep(state: CloudState, key: string, event: StatusEvent, change: Partial<Host> = {}): Host {
  const host = hostOf(state, key)
  const status = nextStatus(host.state, event)
  if (status === undefined) throw failed(`Host ${host.name} is ${host.state}, where ${event} is not allowed`)
  const changed = changeHost(state, host.id, { ...change, state: status })
  if (status === 'Up' || status === 'Connecting') return changed
  const { managementServer: _gone, ...away } = changed
  state.hosts.set(away.id, away)
  return away
}

/** @throws Refusal 530 where the table has no such step */
function resourceStep(state: CloudState, key: string, event: ResourceEvent): Host {
  const host = hostOf(state, key)
  const next = nextResourceState(host.resourceState, event)
  if (next === undefined) throw failed(`Host ${host.name} is ${host.resourceState}, where ${event} is not allowed`)
  return changeHost(state, host.id, { resourceState: next })
}
