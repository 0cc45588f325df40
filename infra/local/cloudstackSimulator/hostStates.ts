/**
 * The two state machines of a host, as data (FACTS G). In: a state and an event. Out: the next state, or undefined where
 * the event is not allowed in that state.
 */

/** `None` is a host before its first connection. */
export type Status =
  | 'None'
  | 'Creating'
  | 'Connecting'
  | 'Up'
  | 'Disconnected'
  | 'Alert'
  | 'Down'
  | 'Rebalancing'
  | 'Error'
  | 'Removed'
  | 'Unknown'

export type StatusEvent =
  | 'AgentConnected'
  | 'AgentDisconnected'
  | 'Error'
  | 'HostDown'
  | 'ManagementServerDown'
  | 'Ping'
  | 'PingTimeout'
  | 'Ready'
  | 'RebalanceCompleted'
  | 'RebalanceFailed'
  | 'Remove'
  | 'ShutdownRequested'
  | 'StartAgentRebalance'
  | 'WaitedTooLong'

type Table<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>

export const statusTable: Table<Status, StatusEvent> = {
  None: { AgentConnected: 'Connecting' },
  Creating: { AgentConnected: 'Connecting', Error: 'Error' },
  Connecting: {
    Ready: 'Up',
    AgentConnected: 'Connecting',
    Ping: 'Connecting',
    PingTimeout: 'Alert',
    AgentDisconnected: 'Alert',
    ShutdownRequested: 'Disconnected',
    ManagementServerDown: 'Disconnected',
    HostDown: 'Down',
  },
  Up: {
    Ping: 'Up',
    AgentConnected: 'Connecting',
    PingTimeout: 'Alert',
    AgentDisconnected: 'Alert',
    ShutdownRequested: 'Disconnected',
    ManagementServerDown: 'Disconnected',
    HostDown: 'Down',
    StartAgentRebalance: 'Rebalancing',
    Remove: 'Removed',
  },
  Disconnected: {
    Ping: 'Up',
    AgentConnected: 'Connecting',
    PingTimeout: 'Alert',
    WaitedTooLong: 'Alert',
    HostDown: 'Down',
    Remove: 'Removed',
    ShutdownRequested: 'Disconnected',
    ManagementServerDown: 'Disconnected',
    AgentDisconnected: 'Disconnected',
  },
  Alert: {
    Ping: 'Up',
    AgentConnected: 'Connecting',
    ShutdownRequested: 'Disconnected',
    HostDown: 'Down',
    Remove: 'Removed',
    ManagementServerDown: 'Alert',
    AgentDisconnected: 'Alert',
  },
  Down: {
    AgentConnected: 'Connecting',
    ShutdownRequested: 'Disconnected',
    Remove: 'Removed',
    PingTimeout: 'Down',
    HostDown: 'Down',
    AgentDisconnected: 'Down',
    ManagementServerDown: 'Down',
  },
  Rebalancing: {
    RebalanceCompleted: 'Connecting',
    AgentConnected: 'Connecting',
    RebalanceFailed: 'Disconnected',
    ShutdownRequested: 'Disconnected',
    ManagementServerDown: 'Disconnected',
    AgentDisconnected: 'Rebalancing',
  },
  Error: { AgentConnected: 'Connecting' },
  Removed: {},
  Unknown: {},
}

export type ResourceState =
  | 'Creating'
  | 'Degraded'
  | 'Disabled'
  | 'Enabled'
  | 'Error'
  | 'ErrorInMaintenance'
  | 'ErrorInPrepareForMaintenance'
  | 'Maintenance'
  | 'PrepareForMaintenance'

export type ResourceEvent =
  | 'AdminAskMaintenance'
  | 'AdminCancelMaintenance'
  | 'DeclareHostDegraded'
  | 'DeleteHost'
  | 'Disable'
  | 'Enable'
  | 'EnableDegradedHost'
  | 'Error'
  | 'ErrorsCorrected'
  | 'InternalCreated'
  | 'InternalEnterMaintenance'
  | 'UnableToMaintain'
  | 'UnableToMigrate'

const resourceTable: Table<ResourceState, ResourceEvent> = {
  Enabled: {
    InternalCreated: 'Enabled',
    Disable: 'Disabled',
    DeleteHost: 'Disabled',
    AdminAskMaintenance: 'PrepareForMaintenance',
    InternalEnterMaintenance: 'Maintenance',
    DeclareHostDegraded: 'Degraded',
    Enable: 'Enabled',
  },
  Disabled: {
    InternalCreated: 'Disabled',
    Enable: 'Enabled',
    Disable: 'Disabled',
    DeleteHost: 'Disabled',
    DeclareHostDegraded: 'Degraded',
  },
  PrepareForMaintenance: {
    InternalCreated: 'PrepareForMaintenance',
    InternalEnterMaintenance: 'Maintenance',
    AdminCancelMaintenance: 'Enabled',
    UnableToMigrate: 'ErrorInPrepareForMaintenance',
    UnableToMaintain: 'ErrorInMaintenance',
  },
  ErrorInPrepareForMaintenance: {
    InternalCreated: 'ErrorInPrepareForMaintenance',
    ErrorsCorrected: 'PrepareForMaintenance',
    InternalEnterMaintenance: 'Maintenance',
    AdminCancelMaintenance: 'Enabled',
    UnableToMaintain: 'ErrorInMaintenance',
    Disable: 'Disabled',
    DeleteHost: 'Disabled',
    UnableToMigrate: 'ErrorInPrepareForMaintenance',
  },
  ErrorInMaintenance: {
    InternalCreated: 'ErrorInMaintenance',
    AdminAskMaintenance: 'PrepareForMaintenance',
    AdminCancelMaintenance: 'Enabled',
    Disable: 'Disabled',
    DeleteHost: 'Disabled',
  },
  Maintenance: {
    InternalCreated: 'Maintenance',
    AdminCancelMaintenance: 'Enabled',
    DeleteHost: 'Disabled',
    DeclareHostDegraded: 'Degraded',
  },
  Degraded: {
    InternalCreated: 'Degraded',
    EnableDegradedHost: 'Enabled',
    AdminAskMaintenance: 'Maintenance',
    DeleteHost: 'Disabled',
  },
  Creating: { InternalCreated: 'Enabled', Error: 'Error' },
  Error: { InternalCreated: 'Error' },
}

/** In these the server refuses to send the setup command, but lets the clean-up through (FACTS A7-3). */
export const maintenanceStates: ReadonlySet<ResourceState> = new Set([
  'Maintenance',
  'ErrorInMaintenance',
  'PrepareForMaintenance',
  'ErrorInPrepareForMaintenance',
])

export const nextStatus = (state: Status, event: StatusEvent): Status | undefined => statusTable[state][event]

export const nextResourceState = (state: ResourceState, event: ResourceEvent): ResourceState | undefined =>
  resourceTable[state][event]
