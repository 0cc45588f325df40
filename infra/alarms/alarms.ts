/**
 * When somebody is called, in one table: on what metric, from which value on, why, and what to do. In: nothing. Out: data, of which the alarms of
 * CloudWatch (infra/aws/alarms.ts), the rules of Prometheus and docs/alarms.md are made, and which the tests hold against what faults raise.
 */
import type { MetricName } from '../../shared/runtime/metrics.ts'

export interface Alarm {
  readonly name: string
  /** `deadLetters` is of the queues themselves. */
  readonly metric: MetricName | 'deadLetters'
  /** How the values of one period become one. */
  readonly of: 'highest' | 'lowest' | 'sum'
  readonly is: 'at least' | 'below'
  readonly threshold: number
  /** In seconds; `silence`: the parameter of that name. */
  readonly period: number | 'silence'
  /** So many in a row. */
  readonly periods: number
  /** What no value at all means: that it is raised, that it is not, or that it stays as it was. */
  readonly nothing: 'raised' | 'not raised' | 'as it was'
  readonly means: string
  readonly look: readonly string[]
  readonly fix: string
}

export const alarms: readonly Alarm[] = [
  {
    name: 'NoGoodSnapshot',
    ...{ metric: 'goodSnapshots', of: 'sum', is: 'below', threshold: 1, period: 'silence', periods: 1 },
    nothing: 'raised',
    means:
      'Three times in a row nothing good was seen of CloudStack: new hosts and networks are not noticed. Hosts stay as they are.',
    look: ['bridgekeeper status', 'bridgekeeper doctor'],
    fix: 'The first line of status says what failed: CloudStack’s address, the key, its rights, or a disappearance that is not believed. Where status says that no snapshot began, look at the schedule and the log of the function snapshot.',
  },
  {
    name: 'DisappearanceNotBelieved',
    ...{ metric: 'refusals', of: 'lowest', is: 'at least', threshold: 1, period: 'silence', periods: 1 },
    nothing: 'as it was',
    means:
      'More hosts or networks are gone from CloudStack’s listings at once than are believed: the last good ones stay in force, and what is new is served.',
    look: ['bridgekeeper status', 'bridgekeeper doctor'],
    fix: 'If they are really gone: bridgekeeper release hosts, or release networks. If not, look whether the key has lost a right, or a zone is not answered for.',
  },
  {
    name: 'CloudStackSilent',
    ...{ metric: 'breakerOpen', of: 'highest', is: 'at least', threshold: 1, period: 300, periods: 1 },
    nothing: 'not raised',
    means: 'CloudStack has not answered five requests in a row, and is left alone for seconds, later for minutes.',
    look: ['bridgekeeper doctor'],
    fix: 'Look at the management server, and the way to it. It is asked again by itself.',
  },
  {
    name: 'DeadLetters',
    ...{ metric: 'deadLetters', of: 'highest', is: 'at least', threshold: 1, period: 300, periods: 1 },
    nothing: 'not raised',
    means: 'A message could not be read by any function, or its function failed three times.',
    look: ['bridgekeeper jobs'],
    fix: 'Look who sent it, and at the log of the function whose queue it was in. Nothing has to be sent again; jobs says how it is deleted.',
  },
  {
    name: 'RunsCrash',
    ...{ metric: 'crashedRuns', of: 'sum', is: 'at least', threshold: 3, period: 900, periods: 1 },
    nothing: 'not raised',
    means: 'Three runs on hosts ended without a report: killed, out of memory or time, or by a mistake of ours.',
    look: ['bridgekeeper status --history', 'bridgekeeper jobs'],
    fix: 'The log of the provisioner says how it ended. Those hosts are tried again with a growing distance.',
  },
  {
    name: 'CauseHeld',
    ...{ metric: 'heldCauses', of: 'highest', is: 'at least', threshold: 1, period: 300, periods: 1 },
    nothing: 'as it was',
    means: 'So many hosts of a zone fail from one cause that no more are tried, but for a probe at a time.',
    look: ['bridgekeeper status'],
    fix: 'Put the cause right, which is a label, a trunk or a login as a rule. Probes find out by themselves; bridgekeeper release CAUSE does it at once.',
  },
  {
    name: 'HostsFail',
    ...{ metric: 'failingShare', of: 'lowest', is: 'at least', threshold: 20, period: 300, periods: 3 },
    nothing: 'as it was',
    means: 'For a quarter of an hour the last run of at least a fifth of the hosts has failed.',
    look: ['bridgekeeper status'],
    fix: 'The end of status counts the hosts of each reason, with what to do next.',
  },
  {
    name: 'HostsWait',
    ...{ metric: 'longestWait', of: 'highest', is: 'at least', threshold: 900, period: 300, periods: 1 },
    nothing: 'as it was',
    means: 'A host came Up a quarter of an hour ago, and nobody has tried it yet.',
    look: ['bridgekeeper status', 'bridgekeeper jobs'],
    fix: 'Is the cloud or the zone paused? Do jobs wait, and none run? Then look at the provisioner of that queue, its concurrency, and whether the queue is polled (drivers).',
  },
  {
    name: 'CertificateEnds',
    ...{ metric: 'certificateDays', of: 'lowest', is: 'below', threshold: 14, period: 86_400, periods: 1 },
    nothing: 'as it was',
    means: 'The certificate by which agents know us ends within two weeks, and was not renewed; or there is none.',
    look: ['bridgekeeper certificate status', 'bridgekeeper doctor'],
    fix: 'bridgekeeper certificate renew says what stands in the way.',
  },
]
