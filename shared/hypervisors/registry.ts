/**
 * The drivers that exist, one line each: which function runs them, for which hypervisors, and under which rules jobs
 * are sent to it. Metadata only, so that functions which never reach a host do not carry a driver's code.
 */
import { createHash } from 'node:crypto'

/** A function that runs jobs; its queue has the same name. */
export type Provisioner = 'provisionKvm' | 'provisionXenserver' | 'provisionVmware' | 'provisionCloudstack'

export interface DriverEntry {
  readonly provisioner: Provisioner
  /** The hypervisors it may serve; empty means any. */
  readonly hypervisors: readonly string[]
  /** False: a finished run proves nothing about the host (DESIGN 23). */
  readonly verifies: boolean
  /** True: it works only while CloudStack shows the host Enabled (FACTS A7-3). */
  readonly needsEnabled: boolean
  /** True: hosts are watched and repaired by something on them, and so are verified more seldom. */
  readonly keepsItself: boolean
  /** The FIFO group of a host's jobs: jobs of one group never run at the same time. */
  readonly group: (cloud: string, host: string) => string
}

const oneAtATimePerHost = (_cloud: string, host: string): string => host

/** updateHost lasts as long as the server's serial pass, so at most two at a time for each cloud. */
const twoAtATimePerCloud = (cloud: string, host: string): string =>
  `${cloud}-${createHash('sha256').update(host).digest().readUInt8(0) % 2}`

const entries = {
  'kvm-ssh': {
    provisioner: 'provisionKvm',
    hypervisors: ['KVM'],
    verifies: true,
    needsEnabled: false,
    keepsItself: false,
    group: oneAtATimePerHost,
  },
  'kvm-agent': {
    provisioner: 'provisionKvm',
    hypervisors: ['KVM'],
    verifies: true,
    needsEnabled: false,
    keepsItself: true,
    group: oneAtATimePerHost,
  },
  xenserver: {
    provisioner: 'provisionXenserver',
    hypervisors: ['XenServer'],
    verifies: true,
    needsEnabled: false,
    keepsItself: false,
    group: oneAtATimePerHost,
  },
  vmware: {
    provisioner: 'provisionVmware',
    hypervisors: ['VMware'],
    verifies: true,
    needsEnabled: false,
    keepsItself: false,
    group: oneAtATimePerHost,
  },
  cloudstack: {
    provisioner: 'provisionCloudstack',
    hypervisors: [],
    verifies: false,
    needsEnabled: true,
    keepsItself: false,
    group: twoAtATimePerCloud,
  },
} as const satisfies Record<string, DriverEntry>

export type DriverName = keyof typeof entries

export const registry: Readonly<Record<DriverName, DriverEntry>> = entries

export const driverNames = Object.keys(entries) as readonly DriverName[]
