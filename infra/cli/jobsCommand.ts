/**
 * `bridgekeeper jobs`: what is under way. In: options, a runtime, the addresses of the queues. Out: on stdout the jobs of hosts, how full the
 * queues are, and the messages that no function could read. Nothing is changed.
 */
import type { SQSClient } from '@aws-sdk/client-sqs'
import { readStatus } from '../../shared/flow/status.ts'
import { type Fullness, fullnessOf } from '../../shared/queue/fullness.ts'
import { type HostRecord, outstanding } from '../../shared/reconcile/record.ts'
import type { Runtime } from '../../shared/runtime/runtime.ts'
import { type JobRow, type jobStates, jobsJson } from './jobsJson.ts'
import { jobsText } from './jobsText.ts'
import { compareNames } from './order.ts'
import type { Output } from './output.ts'
import { printableJson } from './printable.ts'
import { type Selectors, selectionOf } from './selectors.ts'

export interface JobsOptions extends Selectors {
  readonly output: 'table' | 'json'
  readonly quiet?: boolean
}

/** @throws UsageError, and whatever the store or SQS throws */
export async function jobsCommand(
  options: JobsOptions,
  { ports, policy }: Runtime,
  client: SQSClient,
  urls: Readonly<Record<string, string>>,
  output: Output,
): Promise<number> {
  const { rows } = await readStatus(ports, policy, selectionOf(options), false)
  const now = ports.now()
  const jobs = rows
    .flatMap(({ zone, record }): readonly JobRow[] => {
      const state = stateOf(record, now)
      return state === undefined ? [] : [{ zone, record, state }]
    })
    .toSorted((a, b) => compareNames(a.zone, b.zone) || compareNames(a.record.name, b.record.name))
  const queues: Fullness[] = []
  for (const [queue, url] of Object.entries(urls)) queues.push(await fullnessOf(client, queue, url))
  output.print(
    options.output === 'json'
      ? printableJson(jobsJson(policy.cloud, jobs, queues))
      : jobsText(jobs, queues, options.quiet === true, output.look(now)),
  )
  return 0
}

function stateOf(record: HostRecord, now: number): (typeof jobStates)[number] | undefined {
  if (record.runId !== undefined) return now < (record.runUntil ?? 0) ? 'running' : 'lost'
  return outstanding(record, now) ? 'waiting' : undefined
}
