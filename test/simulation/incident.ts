/**
 * Everything that goes wrong, or just happens, in one simulation, as data: it can be generated from a seed, left out one
 * by one until nothing more can be, and told as a sentence. `at` and `until` are milliseconds since the beginning.
 */
import type { Selection } from '../../shared/flow/backfill.ts'
import type { QueueName } from '../../shared/queue/queues.ts'

/** `operator` is the command line: it is nobody's function, and dies and fails like one. */
export const functionNames = [
  'snapshot',
  'diff',
  'provisionKvm',
  'provisionXenserver',
  'provisionVmware',
  'provisionCloudstack',
  'backfill',
  'housekeeping',
  'operator',
] as const
export type FunctionName = (typeof functionNames)[number]

/** Ways in which CloudStack's API answers badly. */
export const badAnswers = ['refuses', 'hangs', 'empty', 'partial', 'no URIs', 'slow'] as const
export type BadAnswer = (typeof badAnswers)[number]

/** Ways in which the store and SQS fail: every second call or all of them, or they do what was asked and do not say so. */
export const storeOutages = ['throttles', 'refuses', 'answers nothing'] as const
export const queueOutages = ['takes nothing', 'gives nothing', 'does neither', 'answers nothing'] as const
/** Items that an upgraded function may have written. */
export const newerItems = ['control', 'host', 'pointer', 'hold', 'zones'] as const

interface At {
  readonly at: number
  readonly cloud: string
}
interface During extends At {
  readonly until: number
}

/** What befalls the first call of a function that begins then: at its n-th step, before or after the step's effect. */
interface Fate extends At {
  readonly function: FunctionName
  readonly step: number
  readonly when: 'before' | 'after'
}

export type Incident =
  | (Fate & { readonly what: 'kill' })
  | (Fate & { readonly what: 'freeze'; readonly milliseconds: number })
  | (At & { readonly what: 'lose' | 'double' | 'newer message'; readonly queue: QueueName })
  | (At & { readonly what: 'delay'; readonly queue: QueueName; readonly milliseconds: number })
  | (At & { readonly what: 'purge'; readonly queue: QueueName })
  | (At & { readonly what: 'write twice'; readonly function: FunctionName; readonly step: number })
  | (During & { readonly what: 'store out'; readonly how: (typeof storeOutages)[number] })
  | (During & { readonly what: 'queues out'; readonly how: (typeof queueOutages)[number] })
  | (During & { readonly what: 'CloudStack'; readonly how: BadAnswer })
  | (During & { readonly what: 'all Disconnected' })
  | (At & { readonly what: 'reboot'; readonly host: string; readonly seconds: number; readonly seen: boolean })
  | (During & { readonly what: 'disconnect'; readonly host: string })
  | (During & { readonly what: 'unreachable'; readonly host: string })
  | (During & { readonly what: 'Maintenance' | 'Disabled'; readonly host: string })
  | (At & { readonly what: 'delete devices'; readonly host: string; readonly share: number })
  | (At & { readonly what: 'attach a VM'; readonly host: string; readonly share: number; readonly runs: boolean })
  | (At & { readonly what: 'take a tag'; readonly host: string; readonly share: number })
  | (At & { readonly what: 'add host'; readonly host: string; readonly zone: string; readonly cluster: string })
  | (At & { readonly what: 'remove host'; readonly host: string })
  | (At & {
      readonly what: 'add network'
      readonly network: string
      readonly zone: string
      readonly physicalNetwork: string
      readonly vlan: number
      readonly persistent: boolean
      readonly setUp: boolean
    })
  | (At & { readonly what: 'remove network'; readonly network: string })
  | (At & { readonly what: 'backfill'; readonly chosen: Selection })
  | (During & { readonly what: 'pause'; readonly zone: string | undefined })
  | (At & { readonly what: 'release'; readonly zone: string | undefined })
  | (At & { readonly what: 'housekeeping'; readonly days: number })
  | (During & {
      readonly what: 'newer item'
      readonly item: (typeof newerItems)[number]
      readonly zone: string
      readonly host: string
    })

/** As `+ 12:34.567`: minutes, seconds and milliseconds since the beginning. */
export function timeOf(milliseconds: number): string {
  const whole = Math.max(0, Math.round(milliseconds))
  const [minutes, rest] = [Math.floor(whole / 60_000), whole % 60_000]
  return `${String(minutes).padStart(3)}:${String(Math.floor(rest / 1000)).padStart(2, '0')}.${String(rest % 1000).padStart(3, '0')}`
}

export function sentenceOf(incident: Incident): string {
  const many = incident.cloud === 'alpha' ? '' : ` (cloud ${incident.cloud})`
  return `${timeOf(incident.at)}  ${capital(eventOf(incident))}${many}.`
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const seconds = (milliseconds: number): string => `${Math.round(milliseconds / 1000)} s`

function eventOf(incident: Incident): string {
  switch (incident.what) {
    case 'kill':
      return `the next ${incident.function} is killed ${incident.when} its step ${incident.step}`
    case 'freeze':
      return `the next ${incident.function} is frozen for ${seconds(incident.milliseconds)} ${incident.when} its step ${incident.step}`
    case 'lose':
      return `the next message for ${incident.queue} is lost`
    case 'double':
      return `the next message for ${incident.queue} is delivered again although it was acknowledged`
    case 'delay':
      return `the next message for ${incident.queue} arrives ${seconds(incident.milliseconds)} late`
    case 'purge':
      return `the queue of ${incident.queue} is purged`
    case 'write twice':
      return `the step ${incident.step} of the next ${incident.function}, if it writes, is sent twice by the SDK`
    case 'newer message':
      return `the next message for ${incident.queue} is of a newer version`
    case 'store out':
      return `the store ${incident.how} until ${timeOf(incident.until)}`
    case 'queues out':
      return `SQS ${incident.how} until ${timeOf(incident.until)}`
    case 'CloudStack':
      return `CloudStack answers badly (${incident.how}) until ${timeOf(incident.until)}`
    case 'all Disconnected':
      return `every host is Disconnected, and Up without devices at ${timeOf(incident.until)}`
    case 'reboot':
      return `host ${incident.host} reboots in ${incident.seconds} s${incident.seen ? '' : ' and CloudStack does not notice'}`
    case 'disconnect':
      return `host ${incident.host} is in state Alert until ${timeOf(incident.until)}, its devices untouched`
    case 'unreachable':
      return `host ${incident.host} answers no SSH until ${timeOf(incident.until)}`
    case 'Maintenance':
    case 'Disabled':
      return `host ${incident.host} is in ${incident.what} until ${timeOf(incident.until)}`
    case 'delete devices':
      return `an operator deletes ${Math.round(incident.share * 100)} % of the bridges of host ${incident.host}`
    case 'attach a VM':
      return `a VM ${incident.runs ? 'starts' : 'is defined, and does not run,'} on one of the networks of host ${incident.host}`
    case 'take a tag':
      return `an operator makes a VLAN device of his own on host ${incident.host}, with the tag of one of the networks`
    case 'add host':
      return `host ${incident.host} joins ${incident.cluster} in ${incident.zone}`
    case 'remove host':
      return `host ${incident.host} is removed from CloudStack`
    case 'add network':
      return `network ${incident.network}, VLAN ${incident.vlan}${incident.persistent ? '' : ', not persistent'}, is created in ${incident.zone}${incident.setUp ? ', and CloudStack makes its devices' : ''}`
    case 'remove network':
      return `network ${incident.network} is deleted in CloudStack`
    case 'backfill':
      return `an operator asks for a backfill of ${chosenIn(incident.chosen)}`
    case 'pause':
      return `an operator pauses ${incident.zone ?? 'the cloud'} until ${timeOf(incident.until)}`
    case 'release':
      return `an operator releases whatever waits in ${incident.zone ?? 'the cloud'}`
    case 'housekeeping':
      return `housekeeping begins, and all that expires is ${incident.days} days older`
    case 'newer item':
      return `a newer version writes the ${incident.item} of host ${incident.host} or its zone, and is gone at ${timeOf(incident.until)}`
  }
}

export const chosenIn = (chosen: Selection): string =>
  Object.entries(chosen)
    .map(([part, value]) => `${part} ${value}`)
    .join(', ') || 'every host'
