/**
 * Every setting that Bridgekeeper reads, in one schema: its default, its bounds, and in words what it is for. In: the
 * environment's strings. Out: typed values. Turning a failure into a line for a person is configuration.ts.
 */
import * as z from 'zod/mini'
import { type DriverName, driverNames, registry } from '../hypervisors/registry.ts'
import { removalPolicies } from '../reconcile/removal.ts'

const text = z.string().check(z.minLength(1, 'is empty'), z.maxLength(1024, 'is longer than 1024 characters'))

/** A whole number within bounds, given as text. */
function whole(from: number, to: number) {
  const wanted = `is not a whole number from ${from} to ${to}`
  return z.pipe(
    z.string().check(z.regex(/^\d{1,12}$/, wanted)),
    z.pipe(z.transform(Number), z.number().check(z.gte(from, wanted), z.lte(to, wanted))),
  )
}

const httpUrl = text.check(
  z.refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'is not an http or https address',
  ),
  z.refine((value) => !URL.canParse(value) || new URL(value).password === '', 'must not carry a password'),
)

const isDriver = (name: string): name is DriverName => driverNames.some((known) => known === name)

function unknownDriver(names: readonly string[]): string | undefined {
  const unknown = names.find((name) => !isDriver(name))
  return unknown === undefined
    ? undefined
    : `names the driver "${unknown}", which does not exist; drivers are ${driverNames.join(', ')}`
}

function noChain(names: readonly string[]): string | undefined {
  const [own, second, ...more] = names.filter(isDriver).map((name) => registry[name].verifies)
  if (second === undefined) return undefined
  if (more.length === 0 && own === true && second === false) return undefined
  return `has the chain "${names.join('|')}": a driver that reaches hosts may fall back to cloudstack, and to nothing else`
}

/**
 * `KVM=kvm-ssh|cloudstack,Simulator=cloudstack` → for each hypervisor its hosts' own driver, and perhaps the one to fall
 * back to where that does not reach a host: one that proves nothing, so that it is clear whose word a status is.
 */
const drivers = z.pipe(
  text,
  z.transform((value, context) => {
    const chosen: Record<string, readonly DriverName[]> = {}
    for (const pair of value.split(',')) {
      const [hypervisor = '', chain = '', ...rest] = pair.split('=').map((part) => part.trim())
      const names = chain.split('|').map((name) => name.trim())
      const problem =
        hypervisor === '' || chain === '' || rest.length > 0
          ? `has "${pair.trim()}", which is not HYPERVISOR=DRIVER or HYPERVISOR=DRIVER|DRIVER`
          : (unknownDriver(names) ?? noChain(names))
      if (problem === undefined) chosen[hypervisor] = names.filter(isDriver)
      else context.issues.push({ code: 'custom', input: value, message: problem })
    }
    return chosen
  }),
)

/** `kvm-a=node17,kvm-b=node18.example.org` → what a machine calls itself, by CloudStack's name for the host. */
const hostnames = z.pipe(
  z.string().check(z.maxLength(65536, 'is longer than 65536 characters')),
  z.transform((value, context) => {
    const chosen: [string, string][] = []
    for (const pair of value.split(',')) {
      const [name = '', machine = '', ...rest] = pair.split('=').map((part) => part.trim())
      const isPair = name !== '' && /^[A-Za-z0-9._-]{1,253}$/.test(machine) && rest.length === 0
      const isNew = !chosen.some(([known]) => known === name)
      if (isPair && isNew) chosen.push([name, machine])
      else {
        const problem = isPair ? 'names that host twice' : 'is not NAME=MACHINE'
        context.issues.push({ code: 'custom', input: value, message: `has "${pair.trim()}", which ${problem}` })
      }
    }
    return Object.fromEntries(chosen)
  }),
)

/** `[user@]host[:port]`, an IPv6 address in brackets. */
const jumpHost = z.pipe(
  text,
  z.transform((value, context) => {
    const [, user, bracketed, plain, port = '22'] =
      /^(?:([A-Za-z0-9._-]{1,64})@)?(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?$/.exec(
        value,
      ) ?? []
    const address = bracketed ?? plain
    if (address !== undefined && Number(port) >= 1 && Number(port) <= 65535)
      return { address, port: Number(port), ...(user === undefined ? {} : { user }) }
    context.issues.push({ code: 'custom', input: value, message: 'is not [USER@]HOST[:PORT]' })
    return z.NEVER
  }),
)

/** `PORT`, on this machine alone, or `HOST:PORT`, an IPv6 address in brackets. */
const listening = z.pipe(
  text,
  z.transform((value, context) => {
    const [, bracketed, plain, port] =
      /^(?:(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):)?(\d{1,5})$/.exec(value) ?? []
    if (port !== undefined && Number(port) <= 65535)
      return { address: bracketed ?? plain ?? '127.0.0.1', port: Number(port) }
    context.issues.push({ code: 'custom', input: value, message: 'is not [HOST:]PORT' })
    return z.NEVER
  }),
)

const identifier = text.check(
  z.regex(/^[A-Za-z0-9._-]{1,64}$/, 'may hold only letters, digits, dots, dashes and underscores, 64 at most'),
)

/** Names, defaults and bounds of all settings. Secrets are listed in `secrets` and never shown. */
export const settings = z.object({
  BRIDGEKEEPER_CLOUDSTACK_SECRET: z.optional(text),
  BRIDGEKEEPER_CLOUDSTACK_CA_FILE: z.optional(text),
  BRIDGEKEEPER_CLOUDSTACK_RATE: z._default(whole(1, 1000), 10),
  BRIDGEKEEPER_CLOUDSTACK_BURST: z._default(whole(4, 10000), 100),
  BRIDGEKEEPER_CLOUDSTACK_RECONNECT: z._default(z.enum(['never', 'allowed'], 'is neither never nor allowed'), 'never'),
  BRIDGEKEEPER_METRICS: z._default(z.enum(['emf', 'none'], 'is neither emf nor none'), 'none'),
  BRIDGEKEEPER_METRICS_LISTEN: z.optional(listening),
  BRIDGEKEEPER_CLOUD: z._default(identifier, 'default'),
  BRIDGEKEEPER_MODE: z._default(z.enum(['observe', 'apply'], 'is neither observe nor apply'), 'apply'),
  BRIDGEKEEPER_DRIVERS: z._default(drivers, { KVM: ['kvm-ssh'] }),
  BRIDGEKEEPER_DATA: z._default(text, '.bridgekeeper'),
  BRIDGEKEEPER_TABLE: z.optional(text),
  BRIDGEKEEPER_QUEUE_SNAPSHOT: z.optional(httpUrl),
  BRIDGEKEEPER_QUEUE_DIFF: z.optional(httpUrl),
  BRIDGEKEEPER_QUEUE_PROVISION_KVM: z.optional(httpUrl),
  BRIDGEKEEPER_QUEUE_PROVISION_XENSERVER: z.optional(httpUrl),
  BRIDGEKEEPER_QUEUE_PROVISION_VMWARE: z.optional(httpUrl),
  BRIDGEKEEPER_QUEUE_PROVISION_CLOUDSTACK: z.optional(httpUrl),
  BRIDGEKEEPER_MARK: z._default(whole(1, 2147483647), 4814),
  BRIDGEKEEPER_VXLAN: z._default(z.enum(['native', 'script'], 'is neither native nor script'), 'native'),
  BRIDGEKEEPER_HOSTNAMES: z._default(hostnames, {}),
  BRIDGEKEEPER_SSH_USER: z._default(identifier, 'root'),
  BRIDGEKEEPER_SSH_KEY_FILE: z.optional(text),
  BRIDGEKEEPER_SSH_SECRET: z.optional(text),
  BRIDGEKEEPER_SSH_PORT: z._default(whole(1, 65535), 22),
  BRIDGEKEEPER_SSH_HOSTKEYS: z._default(z.enum(['strict', 'accept-new'], 'is neither strict nor accept-new'), 'strict'),
  BRIDGEKEEPER_SSH_KNOWN_HOSTS: z.optional(text),
  BRIDGEKEEPER_SSH_JUMP: z.optional(jumpHost),
  BRIDGEKEEPER_AGENT_CERT_FILE: z.optional(text),
  BRIDGEKEEPER_AGENT_KEY_FILE: z.optional(text),
  BRIDGEKEEPER_AGENT_CA_FILE: z.optional(text),
  BRIDGEKEEPER_AGENT_SECRET: z.optional(text),
  BRIDGEKEEPER_AGENT_RENEW_DAYS: z.optional(whole(1, 3650)),
  BRIDGEKEEPER_AGENT_PORT: z._default(whole(1, 65535), 4814),
  BRIDGEKEEPER_AGENT_VERIFY_SECONDS: z._default(whole(1, 604800), 21600),
  BRIDGEKEEPER_WEBHOOK_SECRET: z.optional(text),
  BRIDGEKEEPER_WEBHOOK_LISTEN: z.optional(listening),
  BRIDGEKEEPER_XAPI_CREDENTIALS_FILE: z.optional(text),
  BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE: z.optional(text),
  BRIDGEKEEPER_XAPI_SECRET: z.optional(text),
  BRIDGEKEEPER_VCENTER_SECRET: z.optional(text),
  BRIDGEKEEPER_XAPI_PORT: z._default(whole(1, 65535), 443),
  BRIDGEKEEPER_VERIFY_SECONDS: z._default(whole(1, 604800), 3600),
  BRIDGEKEEPER_VERIFY_PER_TICK: z._default(whole(1, 100000), 50),
  BRIDGEKEEPER_ROLLOUT_PERCENT: z._default(whole(1, 100), 25),
  BRIDGEKEEPER_BACKOFF_SECONDS: z._default(whole(1, 3600), 30),
  BRIDGEKEEPER_BACKOFF_MAX_SECONDS: z._default(whole(1, 86400), 3600),
  BRIDGEKEEPER_OUTSTANDING_SECONDS: z._default(whole(1, 86400), 300),
  BRIDGEKEEPER_REMOVAL: z._default(z.enum(removalPolicies, 'is none of keep, report and prune'), 'keep'),
  BRIDGEKEEPER_REMOVAL_GRACE_SECONDS: z._default(whole(1, 31536000), 86400),
  BRIDGEKEEPER_GUARD_PERCENT: z._default(whole(1, 100), 20),
  BRIDGEKEEPER_HOLD_HOSTS: z._default(whole(1, 100000), 3),
  BRIDGEKEEPER_HOLD_PERCENT: z._default(whole(1, 100), 25),
  BRIDGEKEEPER_HOLD_PROBE_SECONDS: z._default(whole(1, 86400), 600),
  BRIDGEKEEPER_HISTORY_DAYS: z._default(whole(1, 3650), 30),
  BRIDGEKEEPER_LIST_SECONDS: z._default(whole(1, 86400), 600),
})

export type Settings = z.infer<typeof settings>

const proxyAddress = z.optional(text)
const hosts = z.optional(z.string().check(z.maxLength(65536, 'is longer than 65536 characters')))

/** The same for functions that speak to CloudStack: where it is, who asks, and through which proxy (cloudstack/proxy.ts). */
export const settingsWithCloudStack = z.extend(settings, {
  https_proxy: proxyAddress,
  HTTPS_PROXY: proxyAddress,
  http_proxy: proxyAddress,
  HTTP_PROXY: proxyAddress,
  no_proxy: hosts,
  NO_PROXY: hosts,
  CLOUDSTACK_API_URL: httpUrl,
  CLOUDSTACK_API_KEY: text,
  CLOUDSTACK_SECRET_KEY: text,
})

export type SettingsWithCloudStack = z.infer<typeof settingsWithCloudStack>

/** The names of all settings. */
export const known: readonly string[] = Object.keys(settingsWithCloudStack.shape)

/** Whether it is of the whole deployment, and never of one of its clouds (clouds.ts). */
export const isOfDeployment = (name: string): boolean =>
  [
    'BRIDGEKEEPER_CLOUD',
    'BRIDGEKEEPER_DATA',
    'BRIDGEKEEPER_TABLE',
    'BRIDGEKEEPER_METRICS',
    'BRIDGEKEEPER_METRICS_LISTEN',
    'BRIDGEKEEPER_WEBHOOK_LISTEN',
  ].includes(name) || name.startsWith('BRIDGEKEEPER_QUEUE_')

/** Whether it says where a cloud is or who asks it, so that no two clouds share it. */
export const isOfOneCloud = (name: string): boolean => known.includes(name) && name.startsWith('CLOUDSTACK_')

/** Settings whose value never appears anywhere. */
export const secrets: readonly string[] = [
  'CLOUDSTACK_API_KEY',
  'CLOUDSTACK_SECRET_KEY',
  'https_proxy',
  'HTTPS_PROXY',
  'http_proxy',
  'HTTP_PROXY',
]

/** What to do about a bad value, setting by setting; read after "NAME=value …:". */
export const fixes: Readonly<Record<string, string>> = {
  CLOUDSTACK_API_URL: 'set it to the management server, for example https://cloud.example.org/client/api',
  CLOUDSTACK_API_KEY: 'set it to the API key of a root admin user (CloudStack: Accounts, User, Generate keys)',
  CLOUDSTACK_SECRET_KEY: 'set it to the secret key that belongs to CLOUDSTACK_API_KEY',
  BRIDGEKEEPER_DRIVERS: 'write it like KVM=kvm-ssh,Simulator=cloudstack, or KVM=kvm-ssh|cloudstack for a fall-back',
  BRIDGEKEEPER_MODE: 'set it to observe or apply',
  BRIDGEKEEPER_CLOUDSTACK_RECONNECT:
    'set it to never, or to allowed where a host may be reconnected, which cancels commands in flight to it',
  BRIDGEKEEPER_VXLAN:
    'set it to native, or to script where the hosts’ own modifyvxlan.sh makes VXLAN networks, for EVPN for example',
  BRIDGEKEEPER_HOSTNAMES: 'write it like kvm-a=node17,kvm-b=node18: CloudStack’s name, then the machine’s own',
  BRIDGEKEEPER_SSH_HOSTKEYS: 'set it to strict or accept-new',
  BRIDGEKEEPER_METRICS_LISTEN: 'write it like 4816, or 192.0.2.9:4816 where Prometheus is on another machine',
  BRIDGEKEEPER_WEBHOOK_LISTEN: 'write it like 4815, or 192.0.2.9:4815 where CloudStack is on another machine',
  BRIDGEKEEPER_SSH_JUMP: 'write it like gate.example.org, ops@192.0.2.9:2222 or [2001:db8::9]:22',
}
