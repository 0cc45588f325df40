/**
 * A host of a bed, whatever it is made of: power, reboot and console over a machine that can be started and ended.
 * In: a machine and how to log in. Out: a BedHost.
 */
import { readFile } from 'node:fs/promises'
import type { BedHost } from './bed.ts'
import { type Access, openConsole, sshAnswers } from './console.ts'

/** Something that runs: a guest's process, or the first process of a host's namespaces. */
export interface Running {
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>
  /** Ends it at once, asking nothing of it; resolves when it has ended. */
  kill(): Promise<void>
}

export interface Machine {
  readonly access: Access
  readonly knownHostsFile: string
  readonly logFile: string
  /** The bed's end of each port. */
  readonly wires: ReadonlyMap<string, string>
  /** Resolves when its first process runs; it boots from then on. */
  start(): Promise<Running>
}

/** How long a boot may take before it counts as failed: many times what it takes on two busy cores. */
const longestBoot = 90_000

export interface Powered {
  readonly host: BedHost
  /** Cuts the power for good: a reboot that is under way does not bring the host back. */
  end(): Promise<void>
}

export function createHost(machine: Machine): Powered {
  const { name, address, port, user, privateKeyFile } = machine.access
  const console = openConsole(machine.access)
  let running: Promise<Running> | undefined
  let over = false

  async function powerOff(): Promise<void> {
    console.hangUp()
    const ending = running
    await ending?.then((process) => process.kill())
    if (running === ending) running = undefined
  }

  async function powerOn(): Promise<void> {
    if (over) throw new Error(`host ${name}: its bed was stopped`)
    if (running) throw new Error(`host ${name} is on already`)
    const starting = machine.start()
    running = starting
    try {
      await booted(machine, await starting)
    } catch (error) {
      await starting.then(
        (process) => process.kill(),
        () => {},
      )
      if (running === starting) running = undefined
      throw error
    }
  }

  const host: BedHost = {
    name,
    address,
    port,
    user,
    privateKeyFile,
    knownHostsFile: machine.knownHostsFile,
    wire(port) {
      const wire = machine.wires.get(port)
      if (wire === undefined)
        throw new Error(`host ${name} has no port ${port}; it has ${[...machine.wires.keys()].join(', ')}`)
      return wire
    },
    async exec(command) {
      if (!running) throw new Error(`host ${name} is off: ${command}`)
      return console.exec(command)
    },
    async reboot() {
      await powerOff()
      await powerOn()
    },
    powerOff,
    powerOn,
  }
  const end = async (): Promise<void> => {
    over = true
    await powerOff().catch(() => {}) // It did not start: whoever started it was told.
  }
  return { host, end }
}

async function booted(machine: Machine, running: Running): Promise<void> {
  const { address, port } = machine.access
  const giveUp = new AbortController()
  const timer = setTimeout(() => giveUp.abort(), longestBoot)
  const failed = running.ended.then(() => fail(machine, 'ended while it booted'))
  const answered = sshAnswers(address, port, giveUp.signal).catch(() =>
    fail(machine, `did not answer SSH at ${address} within ${longestBoot / 1000} s`),
  )
  failed.catch(() => {}) // It also ends later, when it is powered off: nobody waits for it then.
  answered.catch(() => {})
  try {
    await Promise.race([failed, answered])
  } finally {
    clearTimeout(timer)
    giveUp.abort()
  }
}

/** @throws always: what happened, with the last lines of the log. */
async function fail(machine: Machine, problem: string): Promise<never> {
  const log = await readFile(machine.logFile, 'utf8').catch(() => '')
  const last = log.trimEnd().split('\n').slice(-40).join('\n')
  throw new Error(`host ${machine.access.name} ${problem}; the end of ${machine.logFile}:\n${last}`)
}
