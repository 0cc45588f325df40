/**
 * `backfill` for people: the hosts chosen, the line of progress, the table at the end. Pure. In: what follow saw, the
 * width. Out: text.
 */
import type { Backfilled } from '../../shared/flow/backfill.ts'
import type { ZoneName } from './backfillJson.ts'
import { duration } from './duration.ts'
import type { Followed, Following } from './follow.ts'
import type { State } from './hostProgress.ts'
import { oneLine, printable } from './printable.ts'
import { type Look, nextSteps } from './statusText.ts'
import { table } from './table.ts'

export const hostsInWords = (count: number): string => (count === 1 ? '1 host' : `${count} hosts`)

export const chosenTable = (hosts: readonly Backfilled[], zoneName: ZoneName, { width }: Look): string =>
  [
    table(
      [
        { title: 'ZONE', minimum: 8, spare: 1 },
        { title: 'HOST', minimum: 8 },
        { title: 'ID', minimum: 36, spare: 2 },
      ],
      hosts.map(({ zone, host, name }) => [printable(zoneName(zone)), printable(name), printable(host)]),
      width,
    ),
    `${hostsInWords(hosts.length)} will be run again: see "bridgekeeper status", or wait with --wait.`,
  ].join('\n\n')

/** `3 of 10 hosts done, 1 failed, 2 running, 0.5 hosts/s, about 14s left` */
export function progressText(hosts: readonly Followed[], elapsedMilliseconds: number): string {
  const of = (...states: readonly State[]): number => hosts.filter(({ state }) => states.includes(state)).length
  const done = of('Done', 'OutOfSync')
  const rate = elapsedMilliseconds > 0 ? done / (elapsedMilliseconds / 1000) : 0
  const left = of('Running', 'Waiting')
  return [
    `${done} of ${hostsInWords(hosts.length)} done`,
    ...counted(of('Failed'), 'failed'),
    ...counted(of('NotServed'), 'not served'),
    ...counted(of('Running'), 'running'),
    ...(rate > 0 && left > 0
      ? [`${rate.toFixed(1)} hosts/s`, `about ${duration(Math.ceil(left / rate) * 1000)} left`]
      : []),
  ].join(', ')
}

const counted = (count: number, word: string): readonly string[] => (count === 0 ? [] : [`${count} ${word}`])

export function followingText(
  { hosts, ended }: Following,
  zoneName: ZoneName,
  elapsedMilliseconds: number,
  look: Look,
): string {
  const drawn = table(
    [
      { title: 'ZONE', minimum: 8, spare: 1 },
      { title: 'HOST', minimum: 8 },
      { title: 'RESULT', minimum: 9 },
      { title: 'REASON', minimum: 14 },
      { title: 'DETAIL', minimum: 12 },
    ],
    hosts.map(({ host, state, reason, detail }) => [
      printable(zoneName(host.zone)),
      printable(host.name),
      look.paint(meanings[state], state),
      reason ?? '',
      detail === undefined ? '' : oneLine(detail),
    ]),
    look.width,
  )
  const end = `${progressText(hosts, 0)} after ${duration(elapsedMilliseconds)}${endings[ended]}`
  return [drawn, end, nextSteps(hosts.map(({ reason }) => reason))].filter(Boolean).join('\n\n')
}

const endings = {
  'all finished': '.',
  'time is up': ': the time is up, the work goes on; see "bridgekeeper status".',
  interrupted: ': stopped waiting, the work goes on; see "bridgekeeper status".',
} as const

const meanings = {
  Done: 'good',
  OutOfSync: 'bad',
  NotServed: 'unsure',
  Failed: 'bad',
  Running: 'unsure',
  Waiting: 'unsure',
} as const
