/** docs/alarms.md: a runbook of each alarm, and what is measured. In: the two tables. Out: the page. */
import { metrics } from '../../shared/runtime/metrics.ts'
import { type Alarm, alarms } from '../alarms/alarms.ts'
import { expressionOf, prometheusName } from '../alarms/prometheus.ts'
import { generated } from './generated.ts'

export const alarmsPage = (): string => `${generated('infra/alarms/alarms.ts and shared/runtime/metrics.ts')}
# Alarms and metrics

On AWS the functions write their metrics to their log (\`metrics=none\` leaves that out), and CloudWatch makes alarms and a dashboard of them:

\`\`\`
npx serverless deploy --stage prod --param=alarms=arn:aws:sns:eu-central-1:123456789012:pager --param=dashboard=true
\`\`\`

\`silence\` is how many seconds without a good snapshot are too many: 180, three times the rate of a minute; whole minutes. With \`schedule=false\` no
alarm tells anybody. A cloud has its own alarms where there are several. What it costs is on lines of its own in [cost](cost.md).

On one machine \`BRIDGEKEEPER_METRICS_LISTEN=4816\` answers Prometheus at \`http://127.0.0.1:4816/metrics\`; the same alarms are the rules in
\`infra/prometheus/rules.yml\`. It asks for no password: let it listen beyond this machine only where the network is yours.

${alarms.map(section).join('\n\n')}

## What is measured

In CloudWatch the namespace is \`Bridgekeeper\`, the dimensions are \`deployment\` (the table's name) and \`cloud\`. A level is what is so at that
moment, a count is added up, times have percentiles.

| CloudWatch | Prometheus | | |
|---|---|---|---|
${Object.entries(metrics)
  .map(
    ([name, { kind, unit, says }]) =>
      `| \`${name}\` | \`${prometheusName(name as keyof typeof metrics)}\` | ${kind}, ${unit} | ${says} |`,
  )
  .join('\n')}
| of the queues, \`AWS/SQS\` | \`bridgekeeper_dead_letters\` | level, Count | messages that nobody could read |
`

const section = (alarm: Alarm): string => `## ${alarm.name}

${alarm.means}

Raised when ${condition(alarm)}. ${nothingSays[alarm.nothing]} In Prometheus: \`${expressionOf(alarm)}\`.

\`\`\`
${alarm.look.map((command) => `npx ${command}`).join('\n')}
\`\`\`

${alarm.fix}`

const nothingSays = {
  raised: 'No value at all raises it too.',
  'not raised': 'No value at all is fine.',
  'as it was': 'No value at all leaves it as it was.',
} as const

function condition({ metric, of, is, threshold, period, periods }: Alarm): string {
  const time =
    period === 'silence'
      ? '`silence` (180 seconds)'
      : period % 3600 === 0
        ? `${period / 3600} hours`
        : `${period / 60} minutes`
  const how = { sum: 'the sum', highest: 'the highest value', lowest: 'the lowest value' }[of]
  const row = periods === 1 ? '' : `, ${periods} times in a row`
  return `${how} of \`${metric}\` in ${time} is ${is} ${threshold}${row}`
}
