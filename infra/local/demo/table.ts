/** Host × network, as the hosts themselves show it. In: what the witness found. Out: a table as text. */
import Table from 'cli-table3'
import type { DemoHost } from './hosts.ts'
import { pairsOf, scene, zoneOf } from './scene.ts'
import type { Pair } from './witness.ts'

export interface Seen {
  readonly host: string
  readonly right: readonly Pair[]
}

/** Asks every host at once; one that does not answer has nothing. */
export const lookAtAll = (hosts: readonly DemoHost[], withLater: boolean): Promise<readonly Seen[]> =>
  Promise.all(
    hosts.map(async (host) => {
      const pairs = pairsOf(zoneOf(host.name), withLater)
      return { host: host.name, right: await host.witness(pairs).catch(() => []) }
    }),
  )

export function matrix(seen: readonly Seen[], withLater: boolean): string {
  const vlans = [...new Set(scene.flatMap((zone) => pairsOf(zone, withLater).map(({ id }) => id)))].sort(
    (a, b) => a - b,
  )
  const table = new Table({
    head: ['zone', 'host', ...vlans.map((vlan) => `vlan ${vlan}`)],
    style: { head: [], border: [], compact: true },
  })
  for (const { host, right } of seen) {
    const zone = zoneOf(host)
    const wanted = new Set(pairsOf(zone, withLater).map(({ id }) => id))
    const cells = vlans.map((vlan) =>
      cell(
        wanted.has(vlan),
        right.some(({ id }) => id === vlan),
      ),
    )
    table.push([zone.zone, host, ...cells])
  }
  return table.toString()
}

const cell = (wanted: boolean, there: boolean): string => (there ? 'yes' : wanted ? 'MISSING' : '')
