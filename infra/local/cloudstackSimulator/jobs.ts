/**
 * Asynchronous jobs: a call that answers a job id, and queryAsyncJobResult (FACTS F2). In: work to do. Out: the job's
 * answers; 0 is running, 1 done, 2 failed.
 */
import type { Answer } from './listing.ts'
import { Refusal, unknownId } from './refusal.ts'
import { instant } from './rows.ts'
import { uuidOf } from './seed.ts'

export interface Jobs {
  /** @returns the answer with the job's id; the work begins at once */
  start(command: string, instance: JobInstance, work: () => Promise<Answer>): Answer
  /** @throws Refusal 431 for a job that is not known */
  query(id: string): Answer
}

export interface JobInstance {
  readonly type: 'Host' | 'Network' | 'None'
  readonly id: string
}

type Outcome = { readonly code: 1; readonly result: Answer } | { readonly code: 2; readonly refusal: Refusal }

interface Job {
  readonly command: string
  readonly instance: JobInstance
  readonly created: number
  outcome?: Outcome
  completed?: number
}

export function createJobs(now: () => number): Jobs {
  const jobs = new Map<string, Job>()
  return {
    start: (command, instance, work) => {
      const id = uuidOf('job', `${jobs.size}`)
      const job: Job = { command, instance, created: now() }
      jobs.set(id, job)
      void settle(work).then((outcome) => {
        job.outcome = outcome
        job.completed = now()
      })
      return { jobid: id }
    },
    query: (id) => {
      const job = jobs.get(id)
      if (job === undefined) throw unknownId('queryAsyncJobResult', 'jobid', id)
      return render(id, job)
    },
  }
}

async function settle(work: () => Promise<Answer>): Promise<Outcome> {
  try {
    return { code: 1, result: await work() }
  } catch (error) {
    return { code: 2, refusal: error instanceof Refusal ? error : new Refusal(530, `Internal error: ${error}`) }
  }
}

function render(jobid: string, { command, instance, created, outcome, completed }: Job): Answer {
  return {
    accountid: uuidOf('account', 'admin'),
    userid: uuidOf('user', 'admin'),
    cmd: `org.apache.cloudstack.api.command.admin.${command[0]?.toUpperCase()}${command.slice(1)}Cmd`,
    jobstatus: outcome?.code ?? 0,
    jobprocstatus: 0,
    jobresultcode: outcome?.code === 2 ? outcome.refusal.code : 0,
    ...(outcome === undefined ? {} : { jobresulttype: 'object', jobresult: resultOf(outcome) }),
    jobinstancetype: instance.type,
    ...(instance.id === '' ? {} : { jobinstanceid: instance.id }),
    created: instant(created),
    ...(completed === undefined ? {} : { completed: instant(completed) }),
    jobid: jobid,
  }
}

const resultOf = (outcome: Outcome): Answer =>
  outcome.code === 1 ? outcome.result : { errorcode: outcome.refusal.code, errortext: outcome.refusal.message }
