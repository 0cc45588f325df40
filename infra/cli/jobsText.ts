/** `jobs` for people. Pure. In: the jobs of hosts, the queues, the width. Out: a table of each, and the dead letters with what to do. */
import type { Fullness } from '../../shared/queue/fullness.ts'
import { ago, duration } from './duration.ts'
import { type JobRow, untilOf } from './jobsJson.ts'
import { oneLine, printable } from './printable.ts'
import type { Look } from './statusText.ts'
import { type Column, table } from './table.ts'

export function jobsText(jobs: readonly JobRow[], queues: readonly Fullness[], quiet: boolean, look: Look): string {
  const letters = queues.flatMap(({ queue, dead }) => (dead?.first ?? []).map((letter) => ({ queue, ...letter })))
  return [
    jobs.length === 0 ? 'no job of any host waits or runs' : jobTable(jobs, look),
    queueTable(queues, look),
    ...(letters.length === 0 ? [] : [letterTable(letters, look)]),
    ...(letters.length === 0 || quiet ? [] : [advice(queues)]),
  ].join('\n\n')
}

const jobColumns: readonly Column[] = [
  { title: 'ZONE', minimum: 8, spare: 2 },
  { title: 'HOST', minimum: 8 },
  { title: 'JOB', minimum: 7 },
  { title: 'WHY', minimum: 8 },
  { title: 'TICK', minimum: 4, spare: 3 },
  { title: 'FALLBACK', minimum: 8, spare: 1 },
  { title: 'UNTIL', minimum: 6 },
]

const jobTable = (jobs: readonly JobRow[], look: Look): string =>
  table(
    jobColumns,
    jobs.map((row) => {
      const { zone, record, state } = row
      return [
        printable(zone),
        printable(record.name),
        look.paint(state === 'lost' ? 'bad' : state === 'running' ? 'good' : 'unsure', state),
        record.queuedWhy ?? '',
        String(record.queued ?? ''),
        printable(record.runBy ?? record.queuedTo ?? ''),
        fromNow(untilOf(row), look.now),
      ]
    }),
    look.width,
  )

function fromNow(until: number | undefined, now: number): string {
  if (until === undefined) return ''
  return until < now ? ago(until, now) : `in ${duration(until - now)}`
}

const queueColumns: readonly Column[] = [
  { title: 'QUEUE', minimum: 10 },
  { title: 'WAITING', minimum: 7 },
  { title: 'RUNNING', minimum: 7 },
  { title: 'DEAD', minimum: 4 },
]

const queueTable = (queues: readonly Fullness[], look: Look): string =>
  table(
    queueColumns,
    queues.map(({ queue, waiting, running, dead }) => [
      queue,
      String(waiting),
      String(running),
      dead === undefined ? '-' : dead.count === 0 ? '0' : look.paint('bad', String(dead.count)),
    ]),
    look.width,
  )

const letterColumns: readonly Column[] = [
  { title: 'DEAD IN', minimum: 10 },
  { title: 'SENT', minimum: 7 },
  { title: 'GROUP', minimum: 8, spare: 1 },
  { title: 'MESSAGE', minimum: 20 },
]

const letterTable = (
  letters: readonly { queue: string; sentAt: number | undefined; group: string; body: string }[],
  look: Look,
): string =>
  table(
    letterColumns,
    letters.map(({ queue, sentAt, group, body }) => [queue, ago(sentAt, look.now), oneLine(group), oneLine(body)]),
    look.width,
  )

/** DESIGN 10: nothing that matters lives only in a message. */
function advice(queues: readonly Fullness[]): string {
  const commands = queues.flatMap(({ dead }) =>
    dead !== undefined && dead.count > 0 ? [`  aws sqs purge-queue --queue-url ${printable(dead.url)}`] : [],
  )
  return [
    'Dead letters are messages that no function could read, or whose function failed three times: its log says why. Nothing has to be sent again, the next tick sends whatever is still due. When you know who sent them, delete them:',
    ...commands,
  ].join('\n')
}
