/**
 * `bridgekeeper backfill`: run chosen hosts again now. In: options, a runtime, what says that the operator interrupts.
 * Out: data on stdout, progress on stderr; the exit code, 0 if sent or all done, 2 if some did not get in sync or the
 * time ran out, 130 if interrupted. The work goes on in every case.
 */
import { backfill } from '../../shared/flow/backfill.ts'
import { type Paused, readPauses } from '../../shared/flow/pause.ts'
import type { Runtime } from '../../shared/runtime/runtime.ts'
import { controlKey, readControl } from '../../shared/store/items.ts'
import { chosenJson, followingJson, type ZoneName } from './backfillJson.ts'
import { chosenTable, followingText, progressText } from './backfillText.ts'
import { type Following, follow } from './follow.ts'
import { actOf, type Why } from './operator.ts'
import { compareNames } from './order.ts'
import type { Output } from './output.ts'
import { printableJson } from './printable.ts'
import { nobody } from './progressLine.ts'
import { type Selectors, selectionOf } from './selectors.ts'
import { standingText } from './standingText.ts'
import type { Look } from './statusText.ts'

export interface BackfillOptions extends Selectors, Why {
  readonly wait?: boolean
  /** In seconds. */
  readonly timeout: number
  readonly output: 'table' | 'json'
  readonly quiet?: boolean
}

/** @throws UsageError, NothingSelected, and whatever the store or the queue throws. */
export async function backfillCommand(
  options: BackfillOptions,
  { ports, policy }: Runtime,
  output: Output,
  interruption: AbortSignal,
): Promise<number> {
  const sent = await backfill(ports, policy, selectionOf(options), actOf(options))
  const control = readControl(await ports.store.get(controlKey(policy.cloud)))
  const zoneName: ZoneName = (id) => control?.zones.find((zone) => zone.id === id)?.name ?? id
  const chosen = sent.toSorted(
    (a, b) => compareNames(zoneName(a.zone), zoneName(b.zone)) || compareNames(a.name, b.name),
  )
  const pauses = await readPauses(ports.store, policy.cloud, control?.zones ?? [])
  const json = options.output === 'json'
  if (options.wait !== true) {
    output.print(
      json
        ? printableJson(chosenJson(policy.cloud, chosen, zoneName))
        : withPauses(pauses, chosenTable(chosen, zoneName, output.look(ports.now())), output.look(ports.now())),
    )
    return 0
  }
  const start = ports.now()
  const follower = options.quiet ? nobody : output.follower
  const following = await follow(ports, policy, control, chosen, options.timeout * 1000, interruption, (hosts) =>
    follower.show(progressText(hosts, ports.now() - start), ports.now()),
  )
  follower.end()
  const now = ports.now()
  output.print(
    json
      ? printableJson(followingJson(policy.cloud, following, zoneName))
      : withPauses(pauses, followingText(following, zoneName, now - start, output.look(now)), output.look(now)),
  )
  return exitCode(following)
}

/** What is paused runs only after the resume: whoever waits should know. */
const withPauses = (pauses: readonly Paused[], text: string, look: Look): string =>
  [standingText({ pauses, holds: [], refusals: [] }, look), text].filter(Boolean).join('\n\n')

function exitCode({ hosts, ended }: Following): number {
  if (ended === 'interrupted') return 130
  return hosts.every(({ state }) => state === 'Done') ? 0 : 2
}
