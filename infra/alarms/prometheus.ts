/** The alarms as rules of Prometheus, for the service on one machine. Pure. In: the table of alarms. Out: the text of infra/prometheus/rules.yml. */
import { stringify } from 'yaml'
import { type MetricName, metrics } from '../../shared/runtime/metrics.ts'
import { type Alarm, alarms } from './alarms.ts'

/** `hostsInSync` is bridgekeeper_hosts_in_sync; what is added up ends with _total, times are a histogram of seconds. */
export function prometheusName(name: MetricName | 'deadLetters'): string {
  const words = `bridgekeeper_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`
  if (name === 'deadLetters') return words
  const { kind } = metrics[name]
  return kind === 'count' ? `${words}_total` : kind === 'times' ? `${words}_seconds` : words
}

/** The service takes a snapshot each minute. */
const silence = 180

export function rulesFile(): string {
  const rules = alarms.map((alarm) => ({
    alert: `Bridgekeeper${alarm.name}`,
    expr: expressionOf(alarm),
    labels: { severity: 'warning' },
    annotations: {
      summary: alarm.means,
      description: alarm.fix,
      runbook: `docs/alarms.md#${alarm.name.toLowerCase()}`,
    },
  }))
  const head = '# Generated from infra/alarms/alarms.ts by "npm run docs": change that, never this file.\n'
  return `${head}${stringify({ groups: [{ name: 'bridgekeeper', rules }] }, { lineWidth: 0 })}`
}

/** Periods in a row are one time over which all of it counts. */
export function expressionOf(alarm: Alarm): string {
  const seconds = (alarm.period === 'silence' ? silence : alarm.period) * alarm.periods
  const name = prometheusName(alarm.metric)
  const range = `${name}[${seconds}s]`
  const value = { sum: `increase(${range})`, highest: `max_over_time(${range})`, lowest: `min_over_time(${range})` }
  const comparison = `${value[alarm.of]} ${alarm.is === 'below' ? '<' : '>='} ${alarm.threshold}`
  return alarm.nothing === 'raised' ? `${comparison} or absent(${name})` : comparison
}
