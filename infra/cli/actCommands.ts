/**
 * `bridgekeeper pause`, `resume`, `release`: an operator's word. In: options, a runtime. Out: on stdout what stands now or
 * was opened; the exit code is 0 also where that was so before, since running a command twice is no mistake.
 */
import { pause, resume } from '../../shared/flow/pause.ts'
import { asDeployed } from '../../shared/flow/policy.ts'
import { type Released, release } from '../../shared/flow/release.ts'
import type { Runtime } from '../../shared/runtime/runtime.ts'
import { controlKey, readControl } from '../../shared/store/items.ts'
import { type pausedSchema, pauseJson, type releasedSchema, type resumedSchema } from './actJson.ts'
import { actOf, type Why } from './operator.ts'
import type { Output } from './output.ts'
import { oneLine, printableJson } from './printable.ts'
import { selectionOf } from './selectors.ts'
import { pausedInWords } from './standingText.ts'

export interface ActOptions extends Why {
  readonly zone?: string
  readonly output: 'table' | 'json'
}

/** @throws UsageError, NothingSelected, and whatever the store throws. */
export async function pauseCommand(options: ActOptions, { ports, policy }: Runtime, output: Output): Promise<number> {
  const { zone } = selectionOf(options)
  const { paused, before } = await pause(ports, policy, zone, actOf(options))
  const words = pausedInWords(paused, ports.now())
  const { drivers } = asDeployed(policy, readControl(await ports.store.get(controlKey(policy.cloud))))
  const beside = Object.values(drivers).includes('kvm-agent') ? agentsGoOn : ''
  const json: ReturnType<typeof pausedSchema.parse> = {
    version: 1,
    cloud: policy.cloud,
    paused: pauseJson(paused),
    before,
  }
  output.print(
    options.output === 'json'
      ? printableJson(json)
      : `${before ? 'was paused before: ' : 'paused: '}${words}, until "bridgekeeper resume". A run that has begun goes on to its end.${beside}`,
  )
  return 0
}

/** A pause is a word to the functions, and nothing of theirs reaches a host to say so. */
const agentsGoOn =
  ' Agents go on keeping what was last desired on their hosts: there, "systemctl stop bridgekeeper-agent" holds them.'

/** @throws UsageError, NothingSelected, and whatever the store or the queue throws. */
export async function resumeCommand(options: ActOptions, { ports, policy }: Runtime, output: Output): Promise<number> {
  const { zone } = selectionOf(options)
  const { ended, standing } = await resume(ports, policy, zone, actOf(options))
  const json: ReturnType<typeof resumedSchema.parse> = {
    version: 1,
    cloud: policy.cloud,
    ended: ended === undefined ? null : pauseJson(ended),
    standing: standing.map(pauseJson),
  }
  const now = ports.now()
  const lines = [
    ended === undefined
      ? `${zone === undefined ? 'the whole cloud' : `zone ${oneLine(zone)}`} was not paused.`
      : `resumed: it had been paused: ${pausedInWords(ended, now)}. What is due runs now.`,
    ...standing.map((pause) => `still paused: ${pausedInWords(pause, now)}.`),
  ]
  output.print(options.output === 'json' ? printableJson(json) : lines.join('\n'))
  return 0
}

/** @throws UsageError, NothingSelected, ReleaseOvertaken, and whatever the store or the queue throws. */
export async function releaseCommand(
  cause: string | undefined,
  options: ActOptions,
  { ports, policy }: Runtime,
  output: Output,
): Promise<number> {
  const { zone } = selectionOf(options)
  const chosen = { ...(zone === undefined ? {} : { zone }), ...(cause === undefined ? {} : { cause }) }
  const released = await release(ports, policy, chosen, actOf(options))
  const json: ReturnType<typeof releasedSchema.parse> = {
    version: 1,
    cloud: policy.cloud,
    released: released.map(({ zone: of, ...rest }) => ({ ...rest, zone: of ?? null })),
  }
  const text = released.length === 0 ? 'nothing is held or refused.' : released.map(inWords).join('\n')
  output.print(options.output === 'json' ? printableJson(json) : text)
  return 0
}

const inWords = ({ what, zone, cause, count }: Released): string =>
  what === 'hold'
    ? `released: ${oneLine(cause)} in zone ${oneLine(zone?.name ?? '')}, from which ${count} hosts fail; it is held again when as many more do.`
    : `released: ${count} ${cause} that are gone from CloudStack's listings; the snapshot that runs now believes it.`
