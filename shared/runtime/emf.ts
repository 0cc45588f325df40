/**
 * CloudWatch's Embedded Metric Format: one JSON line on stdout, which Lambda's log turns into metrics. In: which deployment, a clock, where lines
 * go. Out: Metrics. The format is this line and nothing more, so no library is bundled for it (docs/decisions.md).
 */
import { type Metrics, metrics, type Values } from './metrics.ts'

export const namespace = 'Bridgekeeper'
/** The table's name stands for the deployment: a stage's is bridgekeeper-<stage>. */
export const dimensions = ['deployment', 'cloud'] as const

export const emf = (deployment: string, now: () => number, write: (line: string) => void): Metrics => ({
  record: (cloud, values) => write(`${JSON.stringify(lineOf(deployment, cloud, values, now()))}\n`),
})

function lineOf(deployment: string, cloud: string, values: Values, at: number) {
  const given = Object.entries(metrics).filter(([name]) => name in values)
  const Metrics = given.map(([Name, { unit }]) => ({ Name, Unit: unit }))
  return {
    _aws: { Timestamp: at, CloudWatchMetrics: [{ Namespace: namespace, Dimensions: [dimensions], Metrics }] },
    deployment,
    cloud,
    ...values,
  }
}
