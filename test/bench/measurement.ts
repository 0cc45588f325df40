/**
 * What a measurement is, and how two ways of doing one thing are measured fairly. In: both ways, how many pairs of rounds.
 * Out: a Measurement whose ratio is of rounds done back to back, so that other work on the machine falls on both.
 */

export interface Measurement {
  readonly name: string
  /** Medians, in `unit`. */
  readonly value: number
  readonly unit: string
  readonly baseline: number
  /** The median of value / baseline over the pairs. */
  readonly ratio: number
}

export interface Comparison {
  readonly name: string
  /** After one pair that warms up and is not counted. */
  readonly pairs: number
  /** Each does its round, and resolves with what it took in milliseconds. */
  readonly value: () => Promise<number>
  readonly baseline: () => Promise<number>
}

/** The way that begins is another one in each pair. @throws whatever a way throws: what was not done is not measured. */
export async function compare(comparison: Comparison, progress: (line: string) => void): Promise<Measurement> {
  const { name, pairs } = comparison
  const rounds: { readonly value: number; readonly baseline: number }[] = []
  for (let pair = 0; pair <= pairs; pair++) {
    const took = { value: 0, baseline: 0 }
    const order = pair % 2 === 0 ? (['value', 'baseline'] as const) : (['baseline', 'value'] as const)
    for (const way of order) took[way] = await comparison[way]()
    progress(
      `${name}, ${pair === 0 ? 'warm-up' : `pair ${pair} of ${pairs}`}: ${took.value.toFixed(0)} ms against ${took.baseline.toFixed(0)} ms`,
    )
    if (pair > 0) rounds.push(took)
  }
  return {
    name,
    value: rounded(median(rounds.map(({ value }) => value))),
    unit: 'ms',
    baseline: rounded(median(rounds.map(({ baseline }) => baseline))),
    ratio: rounded(median(rounds.map(({ value, baseline }) => value / baseline))),
  }
}

/** Milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

/** NaN of no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (low + high) / 2
}

/** To hundredths. */
export const rounded = (value: number): number => Math.round(value * 100) / 100
