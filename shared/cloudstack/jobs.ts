/**
 * Asynchronous commands (FACTS F2): a call answers a job's id, and queryAsyncJobResult how it ended. In: a client, a command of
 * calls.ts. Out: the job's result, parsed; or its own error. Asked after ever longer waits, and not beyond a time limit.
 */
import * as z from 'zod/mini'
import type { Command } from './calls.ts'
import type { CloudStack } from './client.ts'
import { MalformedAnswer, NoAnswer, RequestRefused } from './errors.ts'

export interface Waiting {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly sleep: (milliseconds: number) => Promise<unknown>
  /** How long the job may take, in milliseconds; a minute unless told. */
  readonly within?: number
}

const started = z.object({ jobid: z.string().check(z.minLength(1), z.maxLength(255)) })

const refusal = z.object({ errorcode: z.int(), errortext: z.optional(z.string()) })

const looked = z.object({ jobstatus: z.int(), jobresult: z.optional(z.unknown()) })

const [firstWait, longestWait] = [250, 5_000]

/**
 * @throws CloudStackError: RequestRefused with the job's own code where it failed; NoAnswer, `timedOut`, where it is still at work when
 * the time is over
 */
export async function runJob<T>(
  cloudstack: Pick<CloudStack, 'call'>,
  command: Command,
  parameters: Readonly<Record<string, string>>,
  result: z.ZodMiniType<T>,
  { now, sleep, within = 60_000 }: Waiting,
): Promise<T> {
  const end = now() + within
  const { jobid } = await cloudstack.call(command, parameters, started)
  for (let wait = firstWait; ; wait = Math.min(longestWait, wait * 2)) {
    const { jobstatus, jobresult } = await cloudstack.call('queryAsyncJobResult', { jobid }, looked)
    if (jobstatus === 1) return parsed(command, jobresult, result)
    if (jobstatus === 2) throw failed(command, jobresult)
    if (jobstatus !== 0) throw new MalformedAnswer(`CloudStack's job of ${command} has the status ${jobstatus}`)
    if (now() + wait > end) {
      throw new NoAnswer(
        `CloudStack's job of ${command} did not end within ${Math.round(within / 1000)} s: see its log`,
        true,
      )
    }
    await sleep(wait)
  }
}

function parsed<T>(command: string, answer: unknown, schema: z.ZodMiniType<T>): T {
  const found = schema.safeParse(answer)
  if (found.success) return found.data
  const issues = found.error.issues.slice(0, 3).map(({ path, message }) => `${path.map(String).join('.')}: ${message}`)
  throw new MalformedAnswer(`CloudStack's result of ${command} is not understood (${issues.join('; ')})`)
}

/** Its words on one line, and not too many of them: they are anybody's. */
function failed(command: string, answer: unknown): RequestRefused | MalformedAnswer {
  const found = refusal.safeParse(answer)
  if (!found.success)
    return new MalformedAnswer(`CloudStack's job of ${command} failed and does not say why: see its log`)
  const said = (found.data.errortext ?? '')
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, 300)
  return new RequestRefused(
    found.data.errorcode,
    `CloudStack's job of ${command} failed with ${found.data.errorcode} (${said})`,
  )
}
