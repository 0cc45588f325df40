/**
 * What a check of `bridgekeeper doctor` is, and how checks are run: one after the other, each within a time of its own, and
 * whatever one of them throws is its finding. In: checks. Out: findings. What is checked is a file of its own for each part.
 */

export const levels = ['ok', 'warning', 'error'] as const
export type Level = (typeof levels)[number]

/** One line of the report. Each text is for people, and never holds a secret. */
export interface Finding {
  readonly check: string
  readonly level: Level
  readonly found: string
  readonly wanted: string
  /** What to do; empty where nothing is to be done. */
  readonly fix: string
}

export interface Check {
  readonly name: string
  /** In seconds. */
  readonly atMost: number
  readonly run: () => Promise<readonly Finding[]>
}

export async function runChecks(
  checks: readonly Check[],
  progress: (name: string) => void,
): Promise<readonly Finding[]> {
  const found: Finding[] = []
  for (const check of checks) {
    progress(check.name)
    found.push(...(await runOne(check)))
  }
  return found
}

async function runOne({ name, atMost, run }: Check): Promise<readonly Finding[]> {
  const late = Promise.withResolvers<readonly Finding[]>()
  const broken = (found: string): readonly Finding[] => [
    {
      check: name,
      level: 'error',
      found,
      wanted: 'a check that comes to its end',
      fix: 'Try again; if it stays, report it.',
    },
  ]
  const timer = setTimeout(() => late.resolve(broken(`it did not end within ${atMost} s`)), atMost * 1000)
  try {
    return await Promise.race([run(), late.promise])
  } catch (error) {
    return broken(error instanceof Error ? `${error.name}: ${error.message}` : String(error))
  } finally {
    clearTimeout(timer)
  }
}

export const worst = (findings: readonly Finding[]): Level =>
  findings.reduce<Level>((sofar, { level }) => (levels.indexOf(level) > levels.indexOf(sofar) ? level : sofar), 'ok')
