/**
 * `npm run fuzz -- [--count N] [--seed S] [--from N]`: so many ticks in each of which one captured answer arrives changed, by the
 * rules of fuzzRun.ts. Out: a line for each that broke one, then `{"answers","broken","first"}`; exit 1 when any did. `S N` names a case.
 */
import { parseArgs } from 'node:util'
import { fuzzOne, goodTick } from './fuzzRun.ts'

const text = { type: 'string' } as const
const options = {
  count: { ...text, default: '10000' },
  seed: { ...text, default: 'fuzz' },
  from: { ...text, default: '0' },
}
const { values } = parseArgs({ options })
const [count, from] = [Number(values.count), Number(values.from)]
if (!Number.isInteger(count) || !Number.isInteger(from)) throw new Error('--count and --from are whole numbers')

const good = await goodTick()
const broken: string[] = []
for (let each = from; each < from + count; each++) {
  const what = await fuzzOne(good, `${values.seed} ${each}`)
  if (what === undefined) continue
  broken.push(`${values.seed} ${each}`)
  console.log(`${values.seed} ${each}: ${what}`)
}
console.log(JSON.stringify({ answers: count, broken: broken.length, first: broken[0] ?? null }))
process.exitCode = broken.length > 0 ? 1 : 0
