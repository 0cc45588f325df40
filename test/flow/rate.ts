/**
 * `npm run rate -- [--seconds N]`: the rate by the wall clock. Eight functions, 10 requests a second and 100 at once, counted at the
 * simulator. Out: one JSON line a window, `{"window","most","allowed",…}`; exit 1 when one holds more than it may.
 */
import { parseArgs } from 'node:util'
import { fullest, runRate } from './rateRun.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '75' } } })
const run = { rate: 10, burst: 100, seconds: Number(values.seconds), speed: 1 }
if (!(run.seconds > 0)) throw new Error(`--seconds ${values.seconds} is no number of seconds`)
const { arrivals, underWay } = await runRate(run)
for (const window of [1, 10, 60]) {
  const [most, allowed] = [fullest(arrivals, window), run.rate * window + run.burst]
  console.log(JSON.stringify({ window, most, allowed, requests: arrivals.length, underWay: Math.ceil(underWay) }))
  if (most > allowed) process.exitCode = 1
}
