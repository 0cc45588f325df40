/**
 * Every CloudStack call that Bridgekeeper makes, and why: the client takes no other name. In: nothing. Out: the list that
 * `doctor` checks a key against, that `role create` makes a role of, and that docs/rights.md is generated from. Whoever adds
 * a call adds its line here, and makes the call in test/rights/least.test.ts, which fails for a line that nobody uses.
 */

/**
 * Whose key has to be allowed a call: of every deployment, of one that uses the driver `cloudstack` or `kvm-agent`, of one where the
 * former may reconnect hosts (BRIDGEKEEPER_CLOUDSTACK_RECONNECT), of either that waits for a job, or only of the
 * administrator who runs a command once, so that it is in no role of ours.
 */
export type Needed = 'always' | 'cloudstackDriver' | 'reconnect' | 'agentDriver' | 'job' | 'administrator'

export interface Call {
  readonly needed: Needed
  /** True: it changes something. */
  readonly changes: boolean
  /** Who makes it and what for, in words. */
  readonly why: string
}

const entries = {
  listHosts: { needed: 'always', changes: false, why: 'every tick: which hosts there are, and their states' },
  listEvents: { needed: 'always', changes: false, why: 'every tick: whether networks may have changed' },
  listZones: { needed: 'always', changes: false, why: 'when networks are listed: the names of zones' },
  listPhysicalNetworks: { needed: 'always', changes: false, why: 'when networks are listed: what they run on' },
  listTrafficTypes: { needed: 'always', changes: false, why: 'when networks are listed: the traffic labels' },
  listNetworkOfferings: { needed: 'always', changes: false, why: 'when networks are listed: which are persistent' },
  listNetworks: {
    needed: 'always',
    changes: false,
    why: 'when an event says so, and every ten minutes: the persistent networks; before a removal: that one is gone',
  },
  listCapabilities: {
    needed: 'always',
    changes: false,
    why: 'the version: by doctor, and by the driver cloudstack before it asks for anything',
  },
  listApis: { needed: 'always', changes: false, why: 'doctor: what this key may call' },
  updateHost: {
    needed: 'cloudstackDriver',
    changes: true,
    why: 'with the id alone: makes CloudStack send every persistent network to the host',
  },
  reconnectHost: {
    needed: 'reconnect',
    changes: true,
    why: 'with the id alone, where an updateHost got no answer: makes the agent of the host connect anew, and so be sent every network',
  },
  issueCertificate: {
    needed: 'agentDriver',
    changes: true,
    why: 'certificate issue, and housekeeping before its end: the certificate by which agents know the provisioner',
  },
  queryAsyncJobResult: {
    needed: 'job',
    changes: false,
    why: 'whether that reconnect began, or that certificate is issued',
  },
  listRoles: { needed: 'administrator', changes: false, why: 'role show, role create: whether the role exists' },
  listRolePermissions: { needed: 'administrator', changes: false, why: 'role show, role create: its rules' },
  createRole: { needed: 'administrator', changes: true, why: 'role create --apply' },
  createRolePermission: { needed: 'administrator', changes: true, why: 'role create --apply: its rules, one by one' },
  listWebhooks: {
    needed: 'administrator',
    changes: false,
    why: 'webhook install, status and remove, doctor with such a key: whether ours is there',
  },
  createWebhook: { needed: 'administrator', changes: true, why: 'webhook install' },
  updateWebhook: { needed: 'administrator', changes: true, why: 'webhook install, where ours is not as it should be' },
  deleteWebhook: { needed: 'administrator', changes: true, why: 'webhook remove: ours' },
  listWebhookDeliveries: { needed: 'administrator', changes: false, why: 'webhook status: the last ten deliveries' },
} as const satisfies Readonly<Record<string, Call>>

/** The name of an API command, to the letter: names are case-sensitive. */
export type Command = keyof typeof entries

export const calls: Readonly<Record<Command, Call>> = entries

export const commands = Object.keys(entries) as readonly Command[]

/** What a deployment's own key has to be allowed. @param drivers as BRIDGEKEEPER_DRIVERS chooses them @param reconnects as allowed */
export function neededBy(drivers: readonly string[], reconnects = false): readonly Command[] {
  const [asks, hasAgents] = [drivers.includes('cloudstack'), drivers.includes('kvm-agent')]
  const needed: readonly Needed[] = [
    'always',
    ...(asks ? (['cloudstackDriver'] as const) : []),
    ...(asks && reconnects ? (['reconnect', 'job'] as const) : []),
    ...(hasAgents ? (['agentDriver', 'job'] as const) : []),
  ]
  return commands.filter((command) => needed.includes(calls[command].needed))
}
