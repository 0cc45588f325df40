/**
 * `status` for people: a table of hosts or of host × network, below it the counts, the snapshot's age, and what to do
 * next. Pure. In: a status, the width, the time. Out: text.
 */
import { leftAlone } from '../../shared/flow/sharedGate.ts'
import type { CloudStatus, HostRow } from '../../shared/flow/status.ts'
import { healthSays } from '../../shared/reconcile/breaker.ts'
import { type Reason, reasons } from '../../shared/reconcile/reasons.ts'
import type { Control } from '../../shared/store/items.ts'
import { ago } from './duration.ts'
import { type NetworkRow, presentNetworks } from './networkRows.ts'
import { oneLine, printable } from './printable.ts'
import { presentDevices } from './statusJson.ts'
import { type Column, table } from './table.ts'

export interface Look {
  readonly width: number
  readonly now: number
  /** A word in the colour of its meaning, where the terminal has colours. */
  readonly paint: (meaning: 'good' | 'bad' | 'unsure', word: string) => string
}

const hostColumns: readonly Column[] = [
  { title: 'ZONE', minimum: 6 },
  { title: 'CLUSTER', minimum: 36, spare: 4 },
  { title: 'HOST', minimum: 8 },
  { title: 'STATE', minimum: 8 },
  { title: 'STATUS', minimum: 9 },
  { title: 'REASON', minimum: 14 },
  { title: 'NETWORKS', minimum: 8 },
  { title: 'DEVICES', minimum: 7, spare: 3 },
  { title: 'VERIFIED', minimum: 8, spare: 1 },
  { title: 'READY IN', minimum: 8, spare: 2 },
]

export const hostTable = (rows: readonly HostRow[], look: Look): string =>
  table(
    hostColumns,
    rows.map((row) => [
      printable(row.zone),
      printable(row.record.cluster),
      printable(row.record.name),
      stateOf(row),
      look.paint(meanings[row.status], row.status),
      row.reason ?? '',
      `${presentNetworks(row) ?? '?'}/${row.desired.length}`,
      String(presentDevices(row) ?? ''),
      ago(row.record.verifiedAt, look.now),
      row.record.readySeconds === undefined ? '' : `${row.record.readySeconds}s`,
    ]),
    look.width,
  )

const meanings = { InSync: 'good', OutOfSync: 'bad', Unknown: 'unsure' } as const

/** The ordinary Enabled goes without saying. */
function stateOf({ record }: HostRow): string {
  const state = record.resourceState === 'Enabled' ? record.state : `${record.state}, ${record.resourceState}`
  return printable(state)
}

const networkColumns: readonly Column[] = [
  { title: 'ZONE', minimum: 6, spare: 1 },
  { title: 'HOST', minimum: 8 },
  { title: 'URI', minimum: 14 },
  { title: 'NETWORKS', minimum: 12 },
  { title: 'ON THE HOST', minimum: 11 },
  { title: 'DETAIL', minimum: 12 },
]

export const networkTable = (rows: readonly NetworkRow[], look: Look): string =>
  table(
    networkColumns,
    rows.map(({ host, network, presence, reason, detail }) => [
      printable(host.zone),
      printable(host.record.name),
      printable(network.uri),
      network.networks.map(({ name }) => printable(name)).join(', '),
      look.paint(presenceMeanings[presence], presence),
      [reason, detail === undefined ? undefined : oneLine(detail)].filter(Boolean).join(': '),
    ]),
    look.width,
  )

const presenceMeanings = { Present: 'good', Exception: 'bad', Unknown: 'unsure' } as const

export function summary({ control, counts, rows }: CloudStatus, now: number): string {
  const { hosts, inSync, outOfSync, unknown, notUp } = counts
  const hostsInWords = hosts === 1 ? '1 host' : `${hosts} hosts`
  const mode = control?.settings?.mode === 'observe' ? ' · only observing' : ''
  const line = `${hostsInWords}: ${inSync} in sync, ${outOfSync} out of sync, ${unknown} unknown, ${notUp} not up${mode}`
  return [`${line} · snapshot ${ago(control?.lastGoodAt, now)}`, ...agents(rows), ...failure(control, now)].join('\n')
}

/** Which releases the agents are of: during an upgrade there are two. */
function agents(rows: readonly HostRow[]): readonly string[] {
  const versions = Map.groupBy(
    rows.flatMap(({ record }) => (record.agent === undefined ? [] : [record.agent.version])),
    (version) => version,
  )
  if (versions.size === 0) return []
  const counted = [...versions].sort(([one], [other]) => one.localeCompare(other, 'en', { numeric: true }))
  return [`agents: ${counted.map(([version, { length }]) => `${length} of release ${oneLine(version)}`).join(', ')}`]
}

/** Before the first good snapshot there is nothing to show but this. */
export const nothingYet = (cloud: string, control: Control | undefined, now: number): string =>
  [
    `no snapshot of cloud "${cloud}" has been taken yet: the schedule takes one every minute.`,
    ...failure(control, now),
  ].join('\n')

/** A snapshot that finds CloudStack left alone writes nothing, so both are said. */
const failure = (control: Control | undefined, now: number): readonly string[] => [
  ...(control?.failure === undefined
    ? []
    : [`the last snapshot failed ${ago(control.failureAt, now)}: ${oneLine(control.failure)}`]),
  ...(control === undefined || healthSays(control, now) === 'go' ? [] : [oneLine(leftAlone(control).message)]),
]

/** One line for each reason that occurs, the most frequent first. */
export function nextSteps(found: readonly (Reason | undefined)[]): string {
  const counted = Map.groupBy(
    found.filter((reason) => reason !== undefined),
    (reason) => reason,
  )
  return [...counted]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, { length }]) => `${reason} (${length}): ${reasons[reason].next}`)
    .join('\n')
}
