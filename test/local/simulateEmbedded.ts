/**
 * `npm run simulate:embedded -- [--seeds N] [--seed S]`: seeded kills in real time on dynalite, fauxqs and SSH to simulated
 * hosts. Out: a sentence a seed on standard error; as the last line `{"seeds","violations","firstFailingSeed"}`; exit 1 on
 * a violation.
 */
import { parseArgs } from 'node:util'
import pLimit from 'p-limit'
import { playSeed } from './seededKill.ts'

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, json: { type: 'boolean' } },
})
const seeds = values.seed === undefined ? Number(values.seeds ?? 20) : 1
const first = values.seed === undefined ? 1 : Number(values.seed)
if (!Number.isInteger(seeds) || seeds < 1 || seeds > 1000 || !Number.isInteger(first)) {
  console.error('--seeds takes a whole number from 1 to 1000, --seed a whole number')
  process.exit(1)
}

const rounds = await pLimit(3).map(
  Array.from({ length: seeds }, (_, index) => first + index),
  async (seed) => {
    const round = await playSeed(seed)
    console.error(`seed ${seed}: ${round.story}: ${round.wrong ?? 'converged'}`)
    return round
  },
)
const failed = rounds.filter((round) => round.wrong !== undefined)
console.log(JSON.stringify({ seeds, violations: failed.length, firstFailingSeed: failed[0]?.seed ?? null }))
process.exitCode = failed.length === 0 ? 0 : 1
