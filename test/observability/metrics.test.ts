/** Where what is measured goes: a line for CloudWatch, a register for Prometheus. */
import { readFileSync } from 'node:fs'
import { parser } from '@prometheus-io/lezer-promql'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { alarms } from '../../infra/alarms/alarms.ts'
import { prometheusName } from '../../infra/alarms/prometheus.ts'
import { type Asked, alarmResources } from '../../infra/aws/alarms.ts'
import { metricsRegister } from '../../infra/local/metricsRegister.ts'
import { startMetricsServer } from '../../infra/local/metricsServer.ts'
import { emf } from '../../shared/runtime/emf.ts'
import { type MetricName, metrics } from '../../shared/runtime/metrics.ts'

describe('the line for CloudWatch', () => {
  it('names each value with its unit, of which deployment and cloud it is, and nothing that was not measured', () => {
    const lines: string[] = []
    emf(
      'bridgekeeper-prod',
      () => 7,
      (line) => lines.push(line),
    ).record('eu', { runs: 1, timeToReady: 2.5 })
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        _aws: {
          Timestamp: 7,
          CloudWatchMetrics: [
            {
              Namespace: 'Bridgekeeper',
              Dimensions: [['deployment', 'cloud']],
              Metrics: [
                { Name: 'runs', Unit: 'Count' },
                { Name: 'timeToReady', Unit: 'Seconds' },
              ],
            },
          ],
        },
        ...{ deployment: 'bridgekeeper-prod', cloud: 'eu', runs: 1, timeToReady: 2.5 },
      },
    ])
    expect(lines[0]).toMatch(/^\{.*\}\n$/)
  })
})

describe('the register for Prometheus', () => {
  it('adds counts up, keeps the last level of each cloud, and sorts times', async () => {
    const register = metricsRegister(async () => ({ diff: 2 }))
    register.record('eu', { runs: 1, hostsInSync: 5, timeToReady: 4 })
    register.record('eu', { runs: 2, hostsInSync: 6 })
    register.record('us', { hostsInSync: 1 })
    const text = await register.text()
    for (const line of [
      'bridgekeeper_runs_total{cloud="eu"} 3',
      'bridgekeeper_hosts_in_sync{cloud="eu"} 6',
      'bridgekeeper_hosts_in_sync{cloud="us"} 1',
      'bridgekeeper_time_to_ready_seconds_bucket{le="2",cloud="eu"} 0',
      'bridgekeeper_time_to_ready_seconds_bucket{le="5",cloud="eu"} 1',
      'bridgekeeper_dead_letters{queue="diff"} 2',
    ])
      expect(text).toContain(`${line}\n`)
  })

  it('is answered without the queues where they do not answer, and at no other address', async () => {
    const register = metricsRegister(() => Promise.reject(new Error('SQS is out')))
    register.record('eu', { runs: 1 })
    const server = await startMetricsServer(register, { address: '127.0.0.1', port: 0 })
    const answer = await fetch(server.url)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, register.contentType])
    expect(await answer.text()).toContain('bridgekeeper_runs_total{cloud="eu"} 1')
    expect((await fetch(server.url.replace('/metrics', '/'))).status).toBe(404)
    expect((await fetch(server.url, { method: 'POST', body: 'x' })).status).toBe(404)
    await expect(
      startMetricsServer(register, { address: '127.0.0.1', port: Number(new URL(server.url).port) }),
    ).rejects.toThrow(/^BRIDGEKEEPER_METRICS_LISTEN=127\.0\.0\.1:\d+ cannot be listened on \(EADDRINUSE\)/)
    await server.stop()
  })
})

describe('the rules of Prometheus', () => {
  const file = z.object({
    groups: z.tuple([z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })]),
  })
  const { rules } = file.parse(
    parse(readFileSync(new URL('../../infra/prometheus/rules.yml', import.meta.url), 'utf8')),
  ).groups[0]

  it('are one for each alarm, of metrics that the register has', async () => {
    expect(rules.map(({ alert }) => alert)).toEqual(alarms.map(({ name }) => `Bridgekeeper${name}`))
    const text = await metricsRegister(async () => ({})).text()
    for (const [index, { metric }] of alarms.entries()) {
      expect(text).toContain(`# TYPE ${prometheusName(metric)} `)
      expect(rules[index]?.expr).toContain(prometheusName(metric))
    }
    for (const name of Object.keys(metrics)) expect(text).toContain(`# TYPE ${prometheusName(name as MetricName)} `)
  })

  it.each(rules.map(({ alert, expr }) => [alert, expr]))('%s is PromQL', (_name, expr) => {
    const problems: string[] = []
    parser.parse(expr).iterate({ enter: (node) => void (node.type.isError && problems.push(`${node.from}`)) })
    expect(problems).toEqual([])
    const broken: string[] = []
    parser.parse(`${expr} ]`).iterate({ enter: (node) => void (node.type.isError && broken.push(`${node.from}`)) })
    expect(broken).not.toEqual([])
  })
})

describe('the alarms of CloudWatch', () => {
  const asked: Asked = {
    ...{ topic: 'arn:aws:sns:eu-central-1:123456789012:pager', dashboard: 'false', silence: '180' },
    ...{ schedule: 'true', stage: 'prod', clouds: 'default' },
  }
  const ofType = (resources: ReturnType<typeof alarmResources>, type: string) =>
    Object.values(resources).filter(({ Type }) => Type === type)

  it('are none, and no dashboard, unless somebody is to be told', () => {
    expect(alarmResources({ ...asked, topic: '' }, ['D'])).toEqual({})
  })

  it('are one for each of the table and each queue of dead letters, which the topic is told of', () => {
    const made = ofType(alarmResources(asked, ['A', 'B']), 'AWS::CloudWatch::Alarm')
    expect(made).toHaveLength(alarms.length + 1)
    for (const { Properties } of made)
      expect(Properties).toMatchObject({ ActionsEnabled: true, AlarmActions: [asked.topic] })
  })

  it('are each cloud’s own where there are several, but for the dead letters', () => {
    const made = ofType(alarmResources({ ...asked, clouds: 'eu, us' }, ['A']), 'AWS::CloudWatch::Alarm')
    expect(made).toHaveLength(2 * alarms.length - 1)
    expect(JSON.stringify(made)).toContain('{"Name":"cloud","Value":"us"}')
  })

  it('tell nobody where there is no schedule', () => {
    for (const { Properties } of Object.values(alarmResources({ ...asked, schedule: 'false' }, ['A'])))
      expect(Properties).toMatchObject({ ActionsEnabled: false })
  })

  it('have a dashboard beside them if one is asked for, each metric on it one that is measured', () => {
    const [{ Properties } = { Properties: {} }] = ofType(
      alarmResources({ ...asked, dashboard: 'true' }, ['A']),
      'AWS::CloudWatch::Dashboard',
    )
    const body = z.object({ DashboardBody: z.object({ 'Fn::Sub': z.string() }) }).parse(Properties)
    const widgets = z
      .object({ widgets: z.array(z.object({ properties: z.object({ metrics: z.array(z.array(z.unknown())) }) })) })
      .parse(JSON.parse(body.DashboardBody['Fn::Sub'])).widgets
    const names = widgets.flatMap(({ properties }) => properties.metrics.map(([, name]) => String(name)))
    expect(names.length).toBeGreaterThan(12)
    expect(names.filter((name) => !(name in metrics))).toEqual([])
  })

  it.each([
    ['a topic that is none', { topic: 'pager' }, 'the parameter alarms is "pager": name a topic by its ARN'],
    ['half a minute', { silence: '90' }, 'the parameter silence is "90": write a number of seconds'],
    ['no number', { silence: 'long' }, 'the parameter silence is "long"'],
  ])('are refused for %s', (_what, change, words) => {
    expect(() => alarmResources({ ...asked, ...change }, ['A'])).toThrow(words)
  })
})
