/**
 * What a hypervisor driver is: something that opens one session to one host, looks at it, and can do what it found
 * missing. In: a host and its desired networks. Out: a View, which is the observation already compared by the driver's
 * pure plan. The loop around it (look, apply, look again, verdict) is `run.ts` and knows no hypervisor.
 */
import type { DesiredNetwork, GuestLabel } from '../reconcile/model.ts'
import type { Reason } from '../reconcile/reasons.ts'
import type { Request } from '../reconcile/record.ts'

/** The host that a session is opened to. */
export interface Target {
  readonly cloud: string
  readonly zone: string
  readonly id: string
  /** Its cluster's id; empty where CloudStack does not tell it yet. */
  readonly cluster: string
  /** CloudStack's name of the host. */
  readonly name: string
  readonly address: string
  readonly resourceState: string
  /** What CloudStack was last asked to do for it, if anything. */
  readonly request?: Request
}

/** Why one desired network is not simply present on this host. */
export interface Finding {
  readonly physicalNetwork: string
  readonly uri: string
  readonly reason: Reason
  /** What was found, naming the device and the value; never a secret. */
  readonly detail: string
}

/** What would be done for one desired network: the devices, by name, and the steps in words. */
export interface Change {
  readonly physicalNetwork: string
  readonly uri: string
  readonly devices: readonly string[]
  readonly steps: readonly string[]
}

/** What carries our mark on a host and no desired network names: what a network that is gone left behind. */
export interface Orphan {
  /** By the names that they have now; where only a route is left, `route` and its destination. */
  readonly devices: readonly string[]
  /** The broadcast URI of the network that they were made for, where their names and numbers tell it. */
  readonly uri?: string
  /** The device below. */
  readonly uplink?: string
  /** The physical networks whose traffic label leads to that uplink on this host. */
  readonly physicalNetworks: readonly string[]
}

/** What became of an orphan: its devices are gone, or are all as they were, for this reason. */
export type Removal = { readonly removed: true } | { readonly kept: string }

/** What a look that found everything right left behind, for the next look at the same desired networks. */
export interface LastLook {
  /** Its View's `seen`. */
  readonly seen: string
  readonly devices: number
}

/** An agent on a host: its release, and what it restored or repaired by itself. */
export interface AgentState {
  readonly version: string
  readonly repairs: {
    /** Since it was installed. */
    readonly times: number
    /** Milliseconds since the epoch, by the host's clock; and the devices of that time, 16 at most. */
    readonly lastAt?: number
    readonly devices: readonly string[]
  }
}

/** One look at a host, compared with what is desired. */
export interface View {
  /** The machine's boot id, where the platform has one. */
  readonly bootId?: string
  /** How many of the desired devices are present and right. */
  readonly devices: number
  /** What is missing. Empty: nothing to do. */
  readonly changes: readonly Change[]
  /** What cannot be done, network by network. */
  readonly findings: readonly Finding[]
  /** Marked devices that no desired network names; absent where the driver does not look for them. */
  readonly orphans?: readonly Orphan[]
  /** What would stand in the way of networks to come, for each traffic label; absent where the driver does not judge it. */
  readonly readiness?: readonly Finding[]
  /**
   * What the host looked like, in the driver's own words: only where there was nothing to do, nothing to tell and no orphan,
   * and where the driver can compare. Kept, and handed to a later look, it saves the listing while nothing has changed.
   */
  readonly seen?: string
  /** True: the host is exactly as the last look had seen it, and was not listed: `readiness` was not judged anew. */
  readonly unchanged?: true
  /** Of a driver that only asks: what it asked since the session was opened. */
  readonly request?: Request
  /** Of a host that was looked at by an agent on it. */
  readonly agent?: AgentState
  /**
   * Does `changes`, in one batch, and looks again. Partial success is no error: what it returns tells what is there now.
   * @throws HostError
   */
  apply(): Promise<View>
}

export interface Session {
  /**
   * @param labels of every guest physical network of the zone, whether it has networks yet or not
   * @param last for the same desired networks and labels: a host that is still so needs no listing
   * @throws HostError when the host cannot be read, or is not the one that was meant (WrongHost).
   */
  look(desired: readonly DesiredNetwork[], labels?: readonly GuestLabel[], last?: LastLook): Promise<View>
  /**
   * Removes one orphan of the last look, if at the moment nobody has anything to do with it (DESIGN 4, conditions a and d;
   * b and c are for the caller to know). Absent where the driver removes nothing.
   * @param deadline milliseconds since the epoch; nothing is deleted after it
   * @throws HostError when the host did not answer: then the next look tells what is there
   */
  remove?(orphan: Orphan, deadline: number): Promise<Removal>
  close(): Promise<void>
}

export interface Driver {
  /** False: a finished run proves nothing about the host (the CloudStack API). */
  readonly verifies: boolean
  /** @param signal ends every wait of the session. @throws HostError */
  open(target: Target, signal: AbortSignal): Promise<Session>
}

/**
 * Does something to what several hosts share (a pool, a datacenter) while nobody else does (DESIGN 9, 16).
 * @param name of what is shared
 * @param work is to begin nothing after `until`, in milliseconds since the epoch
 * @throws HostError LeaseHeld when somebody else held it for too long; TimeOut at the signal
 */
export type SharedLease = <T>(name: string, signal: AbortSignal, work: (until: number) => Promise<T>) => Promise<T>

/**
 * Thrown by a driver when the whole host cannot be served now: unreachable, a key that is not known, a login refused,
 * an answer that is not understood. It fails the run; the host's record retries with backoff.
 */
export class HostError extends Error {
  override readonly name = 'HostError'
  readonly reason: Reason
  constructor(reason: Reason, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.reason = reason
  }
}
