/**
 * The alarms and the dashboard of CloudWatch. Pure. In: the table of alarms, what the parameters of serverless.yml say, the queues of dead
 * letters. Out: resources of CloudFormation; none where none are asked for.
 */
import { namespace } from '../../shared/runtime/emf.ts'
import { type MetricName, metrics } from '../../shared/runtime/metrics.ts'
import { type Alarm, alarms } from '../alarms/alarms.ts'

export interface Asked {
  /** The ARN of an SNS topic; empty: no alarms. */
  readonly topic: string
  readonly dashboard: string
  readonly silence: string
  readonly schedule: string
  /** The stage; names of clouds with commas between them. */
  readonly stage: string
  readonly clouds: string
}

/** Thrown for parameters of which no alarm can be made. */
export class AlarmsUnusable extends Error {
  override readonly name = 'AlarmsUnusable'
}

export type Resources = Readonly<Record<string, { readonly Type: string; readonly Properties: object }>>

const topicPattern = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/

/** @param dead the logical ids of the queues of dead letters. @throws AlarmsUnusable */
export function alarmResources(asked: Asked, dead: readonly string[]): Resources {
  const { topic, dashboard, clouds, stage } = asked
  const names = clouds.split(',').map((name) => name.trim())
  const made: Record<string, Resources[string]> = {}
  if (topic !== '') {
    if (!topicPattern.test(topic))
      throw new AlarmsUnusable(
        `the parameter alarms is ${JSON.stringify(topic.slice(0, 80))}: name a topic by its ARN, like arn:aws:sns:eu-central-1:123456789012:pager (docs/alarms.md).`,
      )
    const silence = silenceOf(asked.silence)
    for (const alarm of alarms)
      for (const [index, of] of (alarm.metric === 'deadLetters'
        ? deadLetters(dead)
        : ofClouds(alarm.metric, names, stage)
      ).entries())
        made[`Alarm${alarm.name}${index === 0 ? '' : index}`] = alarmOf(alarm, of, asked, periodOf(alarm, silence))
  }
  if (dashboard === 'true')
    made.Dashboard = {
      Type: 'AWS::CloudWatch::Dashboard',
      Properties: {
        DashboardName: `bridgekeeper-${stage}`,
        DashboardBody: { 'Fn::Sub': JSON.stringify(dashboardOf(stage, names)) },
      },
    }
  return made
}

/** A period of CloudWatch's is a whole number of minutes. @throws AlarmsUnusable */
function silenceOf(text: string): number {
  const seconds = /^\d{2,5}$/.test(text) ? Number(text) : 0
  if (seconds >= 60 && seconds <= 86_400 && seconds % 60 === 0) return seconds
  throw new AlarmsUnusable(
    `the parameter silence is ${JSON.stringify(text.slice(0, 20))}: write a number of seconds from 60 to 86400 that is of whole minutes, three times the rate.`,
  )
}

const periodOf = ({ period }: Alarm, silence: number): number => (period === 'silence' ? silence : period)
const statistics = { highest: 'Maximum', lowest: 'Minimum', sum: 'Sum' } as const
const missing = { raised: 'breaching', 'not raised': 'notBreaching', 'as it was': 'ignore' } as const

/** One metric that an alarm looks at, and what the alarm is called by beside its own name. */
interface Looked {
  readonly called: string
  readonly Namespace: string
  readonly MetricName: string
  readonly Dimensions: readonly object[]
}

function alarmOf(
  alarm: Alarm,
  { called, ...metric }: Looked,
  { topic, stage, schedule }: Asked,
  Period: number,
): Resources[string] {
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName: `bridgekeeper-${stage}-${alarm.name}-${called}`,
      AlarmDescription: `${alarm.means} Look: ${alarm.look.join(', ')}. ${alarm.fix} docs/alarms.md#${alarm.name.toLowerCase()}`,
      // Without a schedule nothing is measured by itself, and silence is as it should be.
      ActionsEnabled: schedule === 'true',
      AlarmActions: [topic],
      OKActions: [topic],
      ...metric,
      ...{ Statistic: statistics[alarm.of], Period, EvaluationPeriods: alarm.periods },
      ComparisonOperator: alarm.is === 'below' ? 'LessThanThreshold' : 'GreaterThanOrEqualToThreshold',
      ...{ Threshold: alarm.threshold, TreatMissingData: missing[alarm.nothing] },
    },
  }
}

const ofClouds = (MetricName: MetricName, clouds: readonly string[], stage: string): readonly Looked[] =>
  clouds.map((cloud) => ({
    ...{ called: cloud, Namespace: namespace, MetricName },
    Dimensions: [
      { Name: 'deployment', Value: `bridgekeeper-${stage}` },
      { Name: 'cloud', Value: cloud },
    ],
  }))

/** Each queue's own: a sum of several would cost as much, and would not say whose they are. */
const deadLetters = (dead: readonly string[]): readonly Looked[] =>
  dead.map((id) => ({
    called: id.replace(/DeadQueue$/, ''),
    ...{ Namespace: 'AWS/SQS', MetricName: 'ApproximateNumberOfMessagesVisible' },
    Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [id, 'QueueName'] } }],
  }))

/** CloudFormation puts it in. */
const regionThere = ['$', '{AWS::Region}'].join('')

/** A row for each cloud: hosts, what runs, time to ready, CloudStack. */
function dashboardOf(stage: string, clouds: readonly string[]) {
  const widget = (title: string, names: readonly MetricName[], cloud: string, x: number, y: number) => ({
    ...{ type: 'metric', x, y, width: 6, height: 6 },
    properties: {
      ...{ title: `${title} (${cloud})`, region: regionThere, view: 'timeSeries', period: 60 },
      metrics: names.flatMap((name) =>
        (metrics[name].kind === 'times' ? ['p50', 'p95'] : [metrics[name].kind === 'count' ? 'Sum' : 'Maximum']).map(
          (stat) => [namespace, name, 'deployment', `bridgekeeper-${stage}`, 'cloud', cloud, { stat }],
        ),
      ),
    },
  })
  return {
    widgets: clouds.flatMap((cloud, row) => [
      widget('Hosts', ['hostsInSync', 'hostsOutOfSync', 'hostsUnknown', 'hostsNotUp', 'hostsDue'], cloud, 0, row * 6),
      widget('Runs', ['runs', 'failedRuns', 'crashedRuns', 'heldCauses'], cloud, 6, row * 6),
      widget('Seconds to ready', ['timeToReady', 'longestWait'], cloud, 12, row * 6),
      widget('CloudStack', ['goodSnapshots', 'cloudstackRequests', 'breakerOpen', 'refusals'], cloud, 18, row * 6),
    ]),
  }
}
