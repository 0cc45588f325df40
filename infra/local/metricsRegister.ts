/**
 * What the functions measure on one machine, kept for Prometheus. In: values, as on Lambda; how full the queues are, asked for when somebody looks.
 * Out: Metrics, and the text of its exposition format. prom-client keeps the numbers and writes the text.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { fullnessOf } from '../../shared/queue/fullness.ts'
import { sqsClient } from '../../shared/runtime/clients.ts'
import { type Environment, parseConfiguration } from '../../shared/runtime/configuration.ts'
import { type MetricName, type Metrics, metrics } from '../../shared/runtime/metrics.ts'
import { queueUrlsOf } from '../../shared/runtime/runtime.ts'
import { prometheusName } from '../alarms/prometheus.ts'

export interface Register extends Metrics {
  readonly contentType: string
  text(): Promise<string>
}

/** Seconds: a tick, some ticks, what a person waits for, what nobody does. */
const buckets = [1, 2, 5, 10, 30, 60, 120, 300, 900, 3600]

/** @param deadLetters by the name of their function; what throws is left out of the text, and the rest is there */
export function metricsRegister(deadLetters: () => Promise<Readonly<Record<string, number>>>): Register {
  const registry = new Registry()
  const kept = new Map(
    Object.entries(metrics).map(([name, { kind, says: help }]) => {
      const about = { name: prometheusName(name as MetricName), help, labelNames: ['cloud'], registers: [registry] }
      if (kind === 'count') {
        const counter = new Counter(about)
        return [name, (cloud: string, value: number) => counter.inc({ cloud }, value)]
      }
      if (kind === 'times') {
        const histogram = new Histogram({ ...about, buckets })
        return [name, (cloud: string, value: number) => histogram.observe({ cloud }, value)]
      }
      const gauge = new Gauge(about)
      return [name, (cloud: string, value: number) => gauge.set({ cloud }, value)]
    }),
  )
  const dead = new Gauge({
    name: prometheusName('deadLetters'),
    help: 'messages that nobody could read',
    labelNames: ['queue'],
    registers: [registry],
  })
  return {
    contentType: registry.contentType,
    record: (cloud, values) => {
      for (const [name, value] of Object.entries(values)) kept.get(name)?.(cloud, value)
    },
    text: async () => {
      const counts = await deadLetters().catch(() => ({}))
      dead.reset()
      for (const [queue, count] of Object.entries(counts)) dead.set({ queue }, count)
      return registry.metrics()
    },
  }
}

/** @param environment of a deployment on this machine, for a client beside the functions. @throws what SQS throws */
export async function deadLettersIn(environment: Environment): Promise<Readonly<Record<string, number>>> {
  const client = sqsClient(environment)
  try {
    const urls = Object.entries(queueUrlsOf(parseConfiguration(environment)))
    const counts = urls.map(async ([queue, url]) =>
      url === undefined ? [] : [[queue, (await fullnessOf(client, queue, url)).dead?.count ?? 0] as const],
    )
    return Object.fromEntries((await Promise.all(counts)).flat())
  } finally {
    client.destroy()
  }
}
