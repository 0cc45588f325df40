/**
 * `npm run coldstart -- [--runs N] [--only NAME …] [--json]`: how long a function takes to its first answer, from the start of its process on
 * this machine, and against a function that does nothing, started in turn with it. Each is the bundle that is deployed, on an embedded DynamoDB,
 * SQS and a simulated CloudStack in another process; its first event is of the kind that starts it.
 */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundle } from '../../infra/aws/bundle.ts'
import { deploymentOf } from '../../infra/local/cloud/deployment.ts'
import { readServerless } from '../../infra/local/cloud/serverlessFile.ts'
import { prepareLocalRun, sampleEvent } from '../../infra/local/invokeLocal.ts'
import { rounded } from '../bench/measurement.ts'
import { machineOf } from '../bench/page.ts'
import { type Measured, measure, percentile } from './measure.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
if (!Number.isInteger(runs) || runs < 1 || runs > 1000) {
  console.error(`coldstart: --runs ${values.runs} is not a whole number from 1 to 1000`)
  process.exit(1)
}

interface Row {
  readonly function: string
  readonly kB: number
  readonly runs: number
  /** Milliseconds. `load`: the module; `first`: the first call; `total`: both, and the start of Node before them. */
  readonly load: { readonly p50: number; readonly p95: number }
  readonly first: { readonly p50: number; readonly p95: number }
  readonly total: { readonly p50: number; readonly p95: number }
  /** The median of total / total of the empty one right before it. */
  readonly ratio: number
}

const folder = await mkdtemp(join(tmpdir(), 'bridgekeeper-coldstart-'))
process.on('exit', () => void rm(folder, { recursive: true, force: true }))
await bundle(folder)
const empty = join(folder, 'empty.js')
await writeFile(empty, 'exports.handler = async () => ({})')
const deployment = deploymentOf(readServerless(join(import.meta.dirname, '../..'), 'dev'))
const rows: Row[] = []
for (const { name } of deployment.functions.filter((each) => values.only?.includes(each.name) ?? true))
  rows.push(await rowOf(name))
await rm(folder, { recursive: true, force: true })
if (values.json) for (const row of rows) console.log(JSON.stringify({ machine: machineOf(), ...row }))
else console.log(tableOf(rows))

async function rowOf(name: string): Promise<Row> {
  const file = join(folder, 'functions', `${name}.js`)
  const run = await prepareLocalRun(deployment, name, {})
  const events = [JSON.parse(sampleEvent(name))]
  const pairs: { readonly one: Measured; readonly other: Measured }[] = []
  for (let n = 0; n <= runs; n += 1) {
    process.stderr.write(`\r${name}: ${n === 0 ? 'warm-up' : `run ${n} of ${runs}`}          `)
    const pair = { other: await measure(empty, {}, [{}]), one: await measure(file, run.environment, events) }
    if (n > 0) pairs.push(pair)
  }
  process.stderr.write('\r')
  await run.stop()
  const spread = (of: (each: Measured) => number) => {
    const all = pairs.map(({ one }) => of(one))
    return { p50: rounded(percentile(all, 50)), p95: rounded(percentile(all, 95)) }
  }
  return {
    function: name,
    kB: rounded((await stat(file)).size / 1000),
    runs,
    load: spread(({ load }) => load),
    first: spread(({ calls: [first = Number.NaN] }) => first),
    total: spread(total),
    ratio: rounded(
      percentile(
        pairs.map(({ one, other }) => total(one) / total(other)),
        50,
      ),
    ),
  }
}

function total({ start, load, calls: [first = Number.NaN] }: Measured): number {
  return start + load + first
}

function tableOf(all: readonly Row[]): string {
  const spread = ({ p50, p95 }: { readonly p50: number; readonly p95: number }): string =>
    `${p50.toFixed(0)} / ${p95.toFixed(0)}`
  return [
    `${machineOf()}; ${runs} runs each; milliseconds, p50 / p95`,
    '',
    '| function | kB | module | first call | from the process on | against an empty function |',
    '|---|---|---|---|---|---|',
    ...all.map(
      (row) =>
        `| ${row.function} | ${row.kB.toFixed(0)} | ${spread(row.load)} | ${spread(row.first)} | ${spread(row.total)} | ${row.ratio.toFixed(1)} × |`,
    ),
  ].join('\n')
}
