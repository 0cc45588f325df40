/**
 * `npm run simulate -- [--seeds N] [--seed S] [--mutation NAME | --mutations] [--json]`. Progress and traces on stderr; the
 * last line on stdout is JSON, {"seeds","violations","firstFailingSeed"}. Exit 1 on a violation; with --mutations, on a
 * planted bug that is not caught.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { mutations } from './mutations/mutations.ts'
import { type Outcome, simulateSeeds, simulateWritten, traceSeed } from './seeds.ts'
import { writtenNames } from './written.ts'

const options = {
  seeds: { type: 'string' },
  seed: { type: 'string' },
  mutation: { type: 'string' },
  mutations: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

const { values } = parseArgs({ options })
const whole = (name: 'seeds' | 'seed', otherwise: number): number => {
  const text = values[name]
  if (text === undefined) return otherwise
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  console.error(`--${name} ${text} is not a whole number from 1: write, for example, --${name} 1000`)
  process.exit(1)
}
const from = whole('seed', 1)
const count = whole('seeds', values.seed !== undefined ? 1 : values.mutations ? 200 : 100)
const threads = Math.min(4, availableParallelism())
const begun = performance.now()
const seconds = (): string => `${((performance.now() - begun) / 1000).toFixed(1)} s`

process.exitCode = values.mutations ? await tryMutations() : await tryProduct()

async function tryProduct(): Promise<number> {
  const { mutation } = values
  let told = 0
  const progress = (done: number, violations: number): void => {
    if (done < count && performance.now() - told < 5_000) return
    told = performance.now()
    console.error(`${done} of ${count} seeds, ${violations} violations, ${seconds()}`)
  }
  const found = await simulateSeeds({
    from,
    count,
    threads,
    untilFirst: false,
    progress,
    found: (seed, violation) => console.error(`seed ${seed}: ${violation}`),
    ...(mutation && { mutation }),
  })
  await tell(found, mutation)
  const [first] = found.violations
  const result = { seeds: found.seeds, violations: found.violations.length, firstFailingSeed: first?.seed ?? null }
  console.log(values.json ? JSON.stringify(result) : `${found.seeds} seeds, ${found.violations.length} violations`)
  return first === undefined ? 0 : 1
}

async function tell({ violations }: Outcome, mutation: string | undefined): Promise<void> {
  const [first] = violations
  if (first !== undefined) console.error(['', ...(await traceSeed(first.seed, mutation))].join('\n'))
}

/** Each planted bug until its first violation, as the rows of docs/simulation.md. */
async function tryMutations(): Promise<number> {
  const rows: { mutation: string; seeds: number; caught: boolean }[] = []
  console.log('| Planted bug | The product would | Caught by seed | As |\n|---|---|---|---|')
  for (const { name, told } of mutations) {
    const { seeds, by, violation } = writtenNames.includes(name) ? await inWriting(name) : await inSeeds(name)
    rows.push({ mutation: name, seeds, caught: violation !== undefined })
    const shown = violation?.replace(/[0-9a-f]{64}/g, '…').replace(/: \{.*/, '') ?? ''
    console.log(`| \`${name}\` | ${told} | ${by} | ${shown} |`)
    console.error(`${name}: ${by}, ${seconds()}`)
  }
  if (values.json) console.log(JSON.stringify(rows))
  return rows.every(({ caught }) => caught) ? 0 : 1
}

interface Caught {
  readonly seeds: number
  readonly by: string
  readonly violation: string | undefined
}

async function inWriting(mutation: string): Promise<Caught> {
  const violation = await simulateWritten(mutation, mutation)
  return { seeds: 0, by: violation === undefined ? '**not caught**' : 'a written scenario', violation }
}

async function inSeeds(mutation: string): Promise<Caught> {
  const found = await simulateSeeds({ from, count, threads, untilFirst: true, progress: () => {}, mutation })
  const [first] = found.violations
  const by = first === undefined ? '**not caught**' : String(first.seed)
  return { seeds: found.seeds, by, violation: first?.violation }
}
