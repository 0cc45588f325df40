/**
 * A schedule as EventBridge has them: a call every interval, from now on, whether or not the one before has ended. In:
 * the interval in seconds, an input. Out: calls with the event that EventBridge sends. What a call ends in is its own.
 */
import { randomUUID } from 'node:crypto'
import type { EventBridgeEvent } from 'aws-lambda'

export interface Schedule {
  readonly every: number
  readonly input?: unknown
}

/** @returns a function that ends it. */
export function startSchedule(
  name: string,
  { every, input }: Schedule,
  region: string,
  call: (event: unknown) => void,
): () => void {
  const fire = (): void => call(input ?? scheduledEvent(name, region, new Date()))
  fire()
  const timer = setInterval(fire, every * 1000)
  return () => clearInterval(timer)
}

const scheduledEvent = (name: string, region: string, at: Date): EventBridgeEvent<'Scheduled Event', object> => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '000000000000',
  time: at.toISOString().replace(/\.\d+Z$/, 'Z'),
  region,
  resources: [`arn:aws:events:${region}:000000000000:rule/${name}`],
  detail: {},
})
