/**
 * What it costs to give one host its networks, measured for several numbers of networks on one bed. In: how many, how many
 * pairs. Out: a Measurement each: the whole run against the quickest known way, and a script per network against the run.
 */
import { idsOf, type Kind, type KvmHost, withKvmHost } from './kvmHost.ts'
import { installScript, rawBaseline, round, scriptPerNetwork, type Way, wholeRun } from './kvmWays.ts'
import { compare, type Measurement } from './measurement.ts'

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
}

/** A guest starts some ten processes a second, and the script is some twenty: there it has fewer networks and pairs. */
export const kvmBenches: readonly KvmBench[] = [
  {
    kind: 'vxlan',
    runs: [10, 100, 400, 1_000].map((networks) => ({ networks, pairs: 9 })),
    scripts: [
      { networks: 10, pairs: 9 },
      { networks: 100, pairs: 9 },
      { networks: 400, pairs: 9 },
      { networks: 1_000, pairs: 3 },
    ],
  },
  {
    kind: 'vlan',
    runs: [
      { networks: 10, pairs: 9 },
      { networks: 100, pairs: 9 },
      { networks: 400, pairs: 9 },
      { networks: 1_000, pairs: 5 },
    ],
    scripts: [
      { networks: 20, pairs: 9 },
      { networks: 100, pairs: 3 },
    ],
  },
]

/** @param measured is told of each measurement as soon as it is there. @throws Error when a way leaves a device missing or wrong. */
export async function measureKvm(
  { kind, runs, scripts }: KvmBench,
  measured: (measurement: Measurement) => void,
  progress: (line: string) => void,
): Promise<void> {
  await withKvmHost(kind, async (host) => {
    progress(`one host (${host.bed}) for ${kind.toUpperCase()} networks`)
    if (kind === 'vxlan')
      await host.host.exec('sysctl -q -w net.ipv4.igmp_max_memberships=1000 net.core.optmem_max=131072')
    await installScript(host)
    for (const size of runs) measured(await against(host, size, 'kvm-ssh', wholeRun, rawBaseline, progress))
    for (const size of scripts)
      measured(await against(host, size, 'script-per-network', scriptPerNetwork, wholeRun, progress))
  })
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
    name: `${name}-${host.kind}-${networks}`,
    pairs,
    value: () => round(host, ids, value),
    baseline: () => round(host, ids, baseline),
  }
  return compare(comparison, progress)
}
