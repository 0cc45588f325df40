/**
 * The ways in which the simulated server can be made to misbehave, as data that a test changes while it runs. In: the
 * faults and a request. Out: whether and how it is served.
 */
import type { Answer } from './listing.ts'

export interface Faults {
  /** The next `times` requests are answered so, before anything is looked at. */
  busy?: Busy
  /** This listing shows so many rows fewer than its count says, on each page. */
  cut?: { readonly command: string; readonly rows: number }
  /** The admin's keys show no broadcast URIs any more. */
  rightLost?: boolean
  /** Commands that nobody's role allows any more. */
  denied?: readonly string[]
  /** What another version of the server would answer. */
  rewrite?: (command: string, answer: Answer) => Answer
  /** This command, or `*` for any, is never answered. */
  hang?: string
  /** Something else answers in CloudStack's place: a web page. */
  html?: boolean
}

export interface Busy {
  readonly times: number
  /** Seconds, or a date. */
  readonly retryAfter: string
  /** 503 unless told. */
  readonly status?: number
}

/** @returns the fault for this request, counted down */
export function takeBusy(faults: Faults): Busy | undefined {
  const { busy } = faults
  if (busy === undefined || busy.times < 1) return undefined
  faults.busy = { ...busy, times: busy.times - 1 }
  return busy
}

export const hangs = ({ hang }: Faults, command: string): boolean => hang === '*' || hang === command

export function withCut({ cut }: Faults, command: string, answer: Answer): Answer {
  if (cut === undefined || cut.command !== command) return answer
  const shorten = (value: unknown): unknown => (Array.isArray(value) ? value.slice(cut.rows) : value)
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, shorten(value)]))
}
