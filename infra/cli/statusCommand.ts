/**
 * `bridgekeeper status`: what is known of every host now. In: options, a runtime. Out: text on stdout; the exit code, 0
 * if all that was asked for is in sync, 2 if not or if nothing is known yet.
 */
import { NothingSelected, type Selection } from '../../shared/flow/backfill.ts'
import { readActs, readHistory } from '../../shared/flow/history.ts'
import { parallel } from '../../shared/flow/parallel.ts'
import { readStanding } from '../../shared/flow/standing.ts'
import { type CloudStatus, readStatus } from '../../shared/flow/status.ts'
import { rollUps } from '../../shared/reconcile/rollup.ts'
import { green } from '../../shared/reconcile/status.ts'
import type { Runtime } from '../../shared/runtime/runtime.ts'
import { historyTable, placedHistoryTable } from './historyText.ts'
import { orphanTable, readinessTable, requestTable } from './leftoverText.ts'
import { type NetworkRow, networkRows } from './networkRows.ts'
import { compareNames } from './order.ts'
import type { Output } from './output.ts'
import { printableJson } from './printable.ts'
import { readyText, rollUpTable } from './rollupText.ts'
import { type Selectors, selectionOf } from './selectors.ts'
import { standingText } from './standingText.ts'
import { type Asked, statusJson } from './statusJson.ts'
import { hostTable, type Look, networkTable, nextSteps, nothingYet, summary } from './statusText.ts'

export interface StatusOptions extends Selectors {
  readonly network?: string
  readonly networks?: boolean
  readonly history?: boolean
  readonly acceptUnverified?: boolean
  readonly output: 'table' | 'json'
  readonly quiet?: boolean
}

/** @throws UsageError, NothingSelected, and whatever the store throws. */
export async function statusCommand(options: StatusOptions, runtime: Runtime, output: Output): Promise<number> {
  const { ports, policy } = runtime
  const chosen = selectionOf(options)
  const status = inOrder(await readStatus(ports, policy, chosen, options.acceptUnverified === true))
  const taken = status.control?.lastGoodAt !== undefined
  if (taken && status.rows.length === 0 && Object.keys(chosen).length > 0) throw new NothingSelected(nothing(chosen))
  const asked = options.networks === true || options.network !== undefined || options.host !== undefined
  const rows = asked && taken ? networkRows(status, options.network) : undefined
  const inSync = taken && isInSync(status, rows, options)
  const now = ports.now()
  const standing = await readStanding(ports.store, policy.cloud, status.control, now)
  const rolledUp = rollUps(status.rows, options.acceptUnverified === true)
  const histories = await historiesOf(status, options, runtime)
  const acts = options.history === true ? await actsOf(status, chosen, runtime) : undefined
  const shown = { cloud: policy.cloud, inSync, networkRows: rows, standing, rollUps: rolledUp, histories, acts }
  if (options.output === 'json') {
    output.print(printableJson(statusJson(status, shown, now)))
  } else {
    const look = output.look(now)
    const known = taken ? text(status, shown, options, look) : nothingYet(policy.cloud, status.control, now)
    output.print([standingText(standing, look), known].filter(Boolean).join('\n\n'))
  }
  return inSync ? 0 : 2
}

const inOrder = (status: CloudStatus): CloudStatus => ({
  ...status,
  rows: status.rows.toSorted((a, b) => compareNames(a.zone, b.zone) || compareNames(a.record.name, b.record.name)),
})

const zoneName = ({ control }: CloudStatus, id: string): string =>
  control?.zones.find((zone) => zone.id === id)?.name ?? id

const historyLines = 10

const actLines = 30

/** Of the cloud and its zones, or of the zone that was asked for. */
const actsOf = ({ control }: CloudStatus, { zone }: Selection, { ports, policy }: Runtime) =>
  readActs(
    ports.store,
    policy.cloud,
    (control?.zones ?? []).filter(({ id, name }) => zone === undefined || id === zone || name === zone),
    actLines,
  )

/** Of the hosts that were asked for by name; one name may be that of several, in several zones. */
async function historiesOf({ rows }: CloudStatus, { host }: StatusOptions, { ports, policy }: Runtime) {
  const asked = host === undefined ? [] : rows
  const lines = await parallel(asked, async (row) => {
    const place = { zone: row.record.zone, host: row.record.id }
    return [row, await readHistory(ports.store, policy.cloud, place, historyLines)] as const
  })
  return new Map(lines)
}

const nothing = (chosen: object): string =>
  `no host matches ${Object.entries(chosen)
    .map(([part, value]) => `--${part} ${JSON.stringify(value)}`)
    .join(' and ')}: names and ids are those of "bridgekeeper status".`

/** Asked for one network, only that one counts. */
function isInSync(status: CloudStatus, rows: readonly NetworkRow[] | undefined, options: StatusOptions): boolean {
  if (options.network === undefined || rows === undefined) return green(status.counts)
  return rows.every(
    ({ presence, reason }) =>
      presence === 'Present' ||
      reason === 'HostNotUp' ||
      (options.acceptUnverified === true && reason === 'RequestedUnverified'),
  )
}

/** Each reason once for each host on which it occurs, be it the host's own or that of any number of its networks. */
function reasonsByHost(hosts: CloudStatus['rows'], networks: readonly NetworkRow[]) {
  const ofHost = Map.groupBy(networks, ({ host }) => host)
  return hosts.flatMap((row) => [...new Set([row, ...(ofHost.get(row) ?? [])].map(({ reason }) => reason))])
}

function text(
  status: CloudStatus,
  { networkRows: rows, rollUps: rolledUp, histories, acts }: Asked,
  options: StatusOptions,
  look: Look,
): string {
  const onlyNetworks = rows !== undefined && options.host === undefined
  const steps = options.quiet ? '' : nextSteps(reasonsByHost(status.rows, rows ?? []))
  const parts = [
    onlyNetworks || status.rows.length === 0 ? '' : hostTable(status.rows, look),
    rows === undefined || rows.length === 0 ? '' : networkTable(rows, look),
    requestTable(status.rows, look),
    orphanTable(status.rows, look),
    readinessTable(status.rows, look),
    ...[...histories].map(([{ record }, lines]) => historyTable(`last changes of ${record.name}`, lines, look)),
    acts === undefined ? '' : placedHistoryTable('what was done', acts, look),
    onlyNetworks ? '' : rollUpTable(rolledUp, (zone) => zoneName(status, zone), look),
    [summary(status, look.now), readyText(rolledUp)].filter(Boolean).join('\n'),
    steps,
  ]
  return parts.filter(Boolean).join('\n\n')
}
