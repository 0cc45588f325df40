/**
 * What is out of order now, and what waits to befall the next call or message. In: incidents as their time comes. Out:
 * questions that the ports ask at each step.
 */
import type { QueueName } from '../../shared/queue/queues.ts'
import type { Fate } from './call.ts'
import type { BadAnswer, FunctionName, Incident } from './incident.ts'

type Befalling = Extract<Incident, { what: 'kill' | 'freeze' | 'write twice' }>
type Misdelivery = Extract<Incident, { what: 'lose' | 'double' | 'delay' | 'newer message' }>
type Outage = Extract<Incident, { what: 'store out' | 'queues out' | 'CloudStack' }>
type StoreOutage = Extract<Outage, { what: 'store out' }>['how']
type QueueOutage = Extract<Outage, { what: 'queues out' }>['how']

export interface Troubles {
  befall(incident: Befalling): void
  misdeliver(incident: Misdelivery): void
  begin(outage: Outage): void
  /** Everything that waits for the next call of this function, taken away. */
  fatesOf(cloud: string, name: FunctionName): readonly Fate[]
  /** What happens to the next message for this queue, taken away. */
  misdeliveryOf(cloud: string, queue: QueueName): Misdelivery | undefined
  /** How the store or the queues fail now, if they do. */
  storeOut(cloud: string, now: number): StoreOutage | undefined
  queuesOut(cloud: string, now: number): QueueOutage | undefined
  badAnswer(cloud: string, now: number): BadAnswer | undefined
  /** Nothing befalls anything from now on. */
  end(): void
}

/** @param start what incidents count their times from */
export function createTroubles(start: number): Troubles {
  let fates: readonly Befalling[] = []
  let misdeliveries: readonly Misdelivery[] = []
  let outages: readonly Outage[] = []
  const lasts = (outage: Outage, cloud: string, now: number): boolean =>
    outage.cloud === cloud && now < start + outage.until
  return {
    befall: (incident) => {
      fates = [...fates, incident]
    },
    misdeliver: (incident) => {
      misdeliveries = [...misdeliveries, incident]
    },
    begin: (outage) => {
      outages = [...outages, outage]
    },
    fatesOf: (cloud, name) => {
      const own = fates.filter((fate) => fate.cloud === cloud && fate.function === name)
      fates = fates.filter((fate) => !own.includes(fate))
      return own
    },
    misdeliveryOf: (cloud, queue) => {
      const own = misdeliveries.find((one) => one.cloud === cloud && one.queue === queue)
      misdeliveries = misdeliveries.filter((one) => one !== own)
      return own
    },
    storeOut: (cloud, now) =>
      outages.flatMap((outage) => (outage.what === 'store out' && lasts(outage, cloud, now) ? [outage.how] : []))[0],
    queuesOut: (cloud, now) =>
      outages.flatMap((outage) => (outage.what === 'queues out' && lasts(outage, cloud, now) ? [outage.how] : []))[0],
    badAnswer: (cloud, now) =>
      outages.flatMap((outage) => (outage.what === 'CloudStack' && lasts(outage, cloud, now) ? [outage.how] : []))[0],
    end: () => {
      fates = []
      misdeliveries = []
      outages = []
    },
  }
}
