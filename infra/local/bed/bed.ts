/**
 * What a test bed is: hosts with kernels of their own (or parts of this one), to be provisioned over SSH, looked at and
 * damaged. In: a plan a host. Out: a Bed. uml.ts and netns.ts make beds; nothing else knows how a host is made.
 */

/** A label bridge as the operator's boot configuration makes it: `bridge` over `port`. */
export interface Uplink {
  readonly bridge: string
  readonly port: string
  /** The devices under `port` when it is a bond (active-backup). */
  readonly bond?: readonly string[]
}

export interface HostPlan {
  /** Also the machine's hostname. */
  readonly name: string
  /** `[{ bridge: 'cloudbr1', port: 'eth1' }]` when absent. `eth0` is the management port, and may have a bridge too. */
  readonly uplinks?: readonly Uplink[]
  /** Mebibytes; 256 when absent. Only a machine with its own kernel has a limit. */
  readonly memory?: number
}

export interface BedPlan {
  readonly hosts: readonly HostPlan[]
  /** Where keys and logs go, mode 0700. Absent: a temporary directory that `stop` deletes. */
  readonly directory?: string
}

export interface BedHost {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
  /** The bed's end of one of the host's ports, such as `eth1`: whatever leaves the host there comes in here. */
  wire(port: string): string
  /** Runs a shell command as root. @returns its standard output. @throws Error with its exit code and standard error. */
  exec(command: string): Promise<string>
  /** Cuts the power and boots again; resolves when SSH answers. Uplinks are back, everything else is lost. */
  reboot(): Promise<void>
  /** Cuts the power: nothing on the host is asked. */
  powerOff(): Promise<void>
  /** Boots; resolves when SSH answers. @throws Error with the last lines of the host's log. */
  powerOn(): Promise<void>
}

export interface Bed {
  readonly kind: 'uml' | 'netns'
  /** Holds keys, `known_hosts` and `hosts/NAME/log`. */
  readonly directory: string
  readonly hosts: readonly BedHost[]
  /** @throws Error when the bed has no host of that name. */
  host(name: string): BedHost
  /** Ends every host and removes what the bed made. */
  stop(): Promise<void>
}

/** Whether a bed can be made here, and if not, what is missing and how to get it. */
export type Availability = { readonly available: true } | { readonly available: false; readonly missing: string }

export const defaultUplinks: readonly Uplink[] = [{ bridge: 'cloudbr1', port: 'eth1' }]

/** The most hosts that one bed holds: their addresses are .10 to .249 of its /24. */
const mostHosts = 240
const hostName = /^[a-z0-9][a-z0-9-]{0,62}$/
const deviceName = /^[a-zA-Z][a-zA-Z0-9_-]{0,14}$/

/** @throws Error naming the first value that cannot be a host name, a device name or a size, and what would do. */
export function checkPlan(plan: BedPlan): void {
  const names = plan.hosts.map((host) => host.name)
  if (names.length === 0 || names.length > mostHosts)
    throw new Error(`a bed of ${names.length} hosts: 1 to ${mostHosts} can be made`)
  for (const { name, uplinks = defaultUplinks, memory = 256 } of plan.hosts) {
    if (!hostName.test(name)) throw new Error(`host "${name}": a name is lower-case letters, digits and dashes`)
    if (names.indexOf(name) !== names.lastIndexOf(name)) throw new Error(`host "${name}" is planned twice`)
    if (!Number.isInteger(memory) || memory < 64 || memory > 65_536)
      throw new Error(`host "${name}": memory ${memory} is not 64 to 65536 mebibytes`)
    const devices = uplinks.flatMap((uplink) => [uplink.bridge, uplink.port, ...(uplink.bond ?? [])])
    const wrong = devices.find((device) => !deviceName.test(device))
    if (wrong !== undefined) throw new Error(`host "${name}": "${wrong}" is not a device name of 1 to 15 characters`)
    const twice = devices.find((device, index) => devices.indexOf(device) !== index)
    if (twice !== undefined) throw new Error(`host "${name}": device "${twice}" is planned twice`)
  }
}
