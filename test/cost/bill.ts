/**
 * A month's bill. Pure. In: the size of a cloud, what a day without verification and one with it came to, prices. Out: lines in dollars, the
 * core apart from what an operator may do without.
 */
import { alarms } from '../../infra/alarms/alarms.ts'
import { provisionersOf } from '../../infra/aws/polledQueues.ts'
import { metrics } from '../../shared/runtime/metrics.ts'
import type { Cloud, Counts } from './day.ts'
import { type Called, calls, logBytes, pollers, prices } from './prices.ts'

export interface Line {
  readonly part: 'core' | 'verification' | 'observability' | 'secrets' | 'network path'
  readonly what: string
  /** A month of 30 days; null: not counted here, and why is in `what`. */
  readonly dollars: number | null
}

export interface Bill {
  readonly lines: readonly Line[]
  /** Of Lambda, SQS with its empty polls, and DynamoDB, without verification. */
  readonly core: number
  readonly withVerification: number
}

const days = 30
const gb = 1024 ** 3
const round = (dollars: number): number => Math.round(dollars * 100) / 100

/** Of snapshot and diff, and of the provisioners that a deployment with the driver for KVM over SSH has. */
const queuesPolled = 2 + provisionersOf({ BRIDGEKEEPER_DRIVERS: 'KVM=kvm-ssh' }).size

export function billOf(cloud: Cloud, without: Counts, withIt: Counts): Bill {
  const secondsOf = (counts: Counts): number =>
    functions.reduce(
      (sum, name) => sum + counts.invocations[name] * calls[name].seconds(cloud.hosts) * calls[name].memory,
      0,
    )
  const requestsOf = (counts: Counts): number => functions.reduce((sum, name) => sum + counts.invocations[name], 0)
  const emptyPolls = (days * 86_400 * pollers.atOnce * queuesPolled) / pollers.seconds
  const part = (of: Line['part'], what: string, dollars: number | null): Line => ({
    part: of,
    what,
    dollars: dollars === null ? null : round(dollars),
  })
  const lines: Line[] = [
    part('core', 'Lambda: GB-seconds', days * secondsOf(without) * prices.lambdaGbSecond),
    part('core', 'Lambda: requests', days * requestsOf(without) * prices.lambdaRequest),
    part('core', 'SQS: messages', days * without.sqsRequests * prices.sqsRequest),
    part('core', `SQS: empty polls of ${queuesPolled} queues`, emptyPolls * prices.sqsRequest),
    part('core', 'DynamoDB: reads', days * without.reads * prices.readUnit),
    part('core', 'DynamoDB: writes', days * without.writes * prices.writeUnit),
    part(
      'core',
      'DynamoDB: storage and point-in-time recovery',
      (without.stored / gb) * (prices.storageGbMonth + prices.recoveryGbMonth),
    ),
    part(
      'verification',
      `each host every ${cloud.verify} s`,
      days *
        ((secondsOf(withIt) - secondsOf(without)) * prices.lambdaGbSecond +
          (requestsOf(withIt) - requestsOf(without)) * prices.lambdaRequest +
          (withIt.sqsRequests - without.sqsRequests) * prices.sqsRequest +
          (withIt.reads - without.reads) * prices.readUnit +
          (withIt.writes - without.writes) * prices.writeUnit),
    ),
    part('observability', 'logs', ((days * requestsOf(withIt) * logBytes) / gb) * prices.logsGb),
    part('observability', `metrics: ${measured} of a cloud`, measured * prices.metricMonth),
    part(
      'observability',
      'alarms, if they are asked for: nine, and one more for each further queue of dead letters',
      looked * prices.alarmMonth,
    ),
    part('observability', 'a dashboard, if it is asked for', prices.dashboardMonth),
    part('secrets', 'one, with the keys of CloudStack', prices.secretMonth),
    part(
      'network path',
      'NAT gateway or endpoints, traffic to hosts and CloudStack: they depend on where these are',
      null,
    ),
  ]
  const sum = (of: Line['part']): number =>
    lines.reduce((total, line) => total + (line.part === of ? (line.dollars ?? 0) : 0), 0)
  return { lines, core: round(sum('core')), withVerification: round(sum('core') + sum('verification')) }
}

const measured = Object.keys(metrics).length
/** That of the dead letters looks at each queue of them. */
const deadQueues = 6
const looked = alarms.length - 1 + deadQueues

const functions = Object.keys(calls) as readonly Called[]
