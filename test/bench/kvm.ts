/**
 * What it costs to give one host its networks, measured for several numbers of networks on one bed. In: how many, how many
 * pairs. Out: a Measurement each: the whole run against the quickest known way, and a script per network against the run.
 */
import { idsOf, type Kind, type KvmHost, wipe, withKvmHost } from './kvmHost.ts'
import {
  fastCheck,
  fullLook,
  installScript,
  rawBaseline,
  round,
  scriptPerNetwork,
  type Way,
  wholeRun,
} from './kvmWays.ts'
import { compare, type Measurement, timed } from './measurement.ts'

export interface Size {
  readonly networks: number
  readonly pairs: number
}

export interface KvmBench {
  readonly kind: Kind
  /** The driver's whole run on an open connection ÷ three commands that make the same. */
  readonly runs: readonly Size[]
  /** A script per network ÷ the driver's whole run. */
  readonly scripts: readonly Size[]
  /** A look at a host where there is nothing to do, which asks whether it is still as it was seen ÷ one that lists it. */
  readonly checks: readonly Size[]
}

/** A guest starts some ten processes a second, and the script is some twenty: there it has fewer networks. */
export const kvmBenches: readonly KvmBench[] = [
  {
    kind: 'vxlan',
    runs: [
      { networks: 10, pairs: 9 },
      { networks: 100, pairs: 9 },
      { networks: 400, pairs: 9 },
      { networks: 1_000, pairs: 5 },
    ],
    scripts: [
      { networks: 10, pairs: 9 },
      { networks: 100, pairs: 9 },
      { networks: 400, pairs: 9 },
      { networks: 1_000, pairs: 3 },
    ],
    checks: [100, 400].map((networks) => ({ networks, pairs: 9 })),
  },
  {
    kind: 'vlan',
    runs: [
      { networks: 10, pairs: 9 },
      { networks: 100, pairs: 9 },
      { networks: 400, pairs: 9 },
      { networks: 1_000, pairs: 3 },
    ],
    scripts: [
      { networks: 20, pairs: 9 },
      { networks: 100, pairs: 9 },
    ],
    checks: [100, 400].map((networks) => ({ networks, pairs: 9 })),
  },
]

/** The names of the measurements, before their number of networks. */
const namesOf = (kind: Kind) => ({
  runs: `kvm-ssh-${kind}`,
  scripts: `script-per-network-${kind}`,
  checks: `fast-check-${kind}`,
})

/** The part whose measurements have one of these in their names, as whole words: none, or one. @param only all when empty */
export function chosenOf(bench: KvmBench, only: readonly string[]): readonly KvmBench[] {
  const names = namesOf(bench.kind)
  const chosen = (name: string, sizes: readonly Size[]): readonly Size[] =>
    sizes.filter(
      ({ networks }) => only.length === 0 || only.some((one) => `-${name}-${networks}-`.includes(`-${one}-`)),
    )
  const runs = chosen(names.runs, bench.runs)
  const scripts = chosen(names.scripts, bench.scripts)
  const checks = chosen(names.checks, bench.checks)
  return runs.length + scripts.length + checks.length === 0 ? [] : [{ kind: bench.kind, runs, scripts, checks }]
}

/** @param measured is told of each measurement as soon as it is there. @throws Error when a way leaves a device missing or wrong. */
export async function measureKvm(
  { kind, runs, scripts, checks }: KvmBench,
  measured: (measurement: Measurement) => void,
  progress: (line: string) => void,
): Promise<void> {
  const names = namesOf(kind)
  await withKvmHost(kind, async (host) => {
    progress(`one host (${host.bed}) for ${kind.toUpperCase()} networks`)
    if (kind === 'vxlan')
      await host.host.exec('sysctl -q -w net.ipv4.igmp_max_memberships=1000 net.core.optmem_max=131072')
    await installScript(host)
    for (const size of checks) measured(await checked(host, size, names.checks, progress))
    for (const size of runs) measured(await against(host, size, names.runs, wholeRun, rawBaseline, progress))
    for (const size of scripts) measured(await against(host, size, names.scripts, scriptPerNetwork, wholeRun, progress))
  })
}

async function checked(
  host: KvmHost,
  { networks, pairs }: Size,
  name: string,
  progress: (line: string) => void,
): Promise<Measurement> {
  const ids = idsOf(host.kind, networks)
  await wholeRun(host, ids)
  const last = await fullLook(host, ids)
  const comparison = {
    name: `${name}-${networks}`,
    pairs,
    value: () => timed(() => fastCheck(host, ids, last)),
    baseline: () => timed(() => fullLook(host, ids)),
  }
  const measurement = await compare(comparison, progress)
  await wipe(host)
  return measurement
}

function against(
  host: KvmHost,
  { networks, pairs }: Size,
  name: string,
  value: Way,
  baseline: Way,
  progress: (line: string) => void,
): Promise<Measurement> {
  const ids = idsOf(host.kind, networks)
  const comparison = {
    name: `${name}-${networks}`,
    pairs,
    value: () => round(host, ids, value),
    baseline: () => round(host, ids, baseline),
  }
  return compare(comparison, progress)
}
