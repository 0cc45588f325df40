/**
 * `npm run cost -- [--hosts N] [--networks N] [--interval S] [--verify S] [--churn SHARE] [--json]`: what a deployment on AWS costs a month. The
 * functions' flows run for two simulated days over parts that count, one with a verification a week, as seldom as may be set; a dated price list
 * does the rest.
 */
import { parseArgs } from 'node:util'
import { billOf } from './bill.ts'
import { type Cloud, countDay } from './day.ts'
import { pricedOn } from './prices.ts'

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' },
    networks: { type: 'string', default: '100' },
    interval: { type: 'string', default: '60' },
    verify: { type: 'string', default: '3600' },
    churn: { type: 'string', default: '0.02' },
    json: { type: 'boolean', default: false },
  },
})

function within(name: 'hosts' | 'networks' | 'interval' | 'verify' | 'churn', least: number, most: number): number {
  const value = Number(values[name])
  if (Number.isFinite(value) && value >= least && value <= most) return value
  console.error(`cost: --${name} ${values[name]} is not a number from ${least} to ${most}`)
  process.exit(1)
}

const cloud: Cloud = {
  hosts: Math.round(within('hosts', 1, 100_000)),
  networks: Math.round(within('networks', 1, 4000)),
  interval: within('interval', 30, 3600),
  verify: within('verify', 300, 604_800),
  churn: within('churn', 0, 1),
}
const hour = (what: string) => (at: number) => process.stderr.write(`\r${what}: hour ${at + 1} of 24 `)
const without = await countDay({ ...cloud, verify: 0 }, hour('a day without verification'))
const withIt = await countDay(cloud, hour('a day with verification   '))
process.stderr.write('\n')
const bill = billOf(cloud, without, withIt)
if (values.json)
  console.log(JSON.stringify({ version: 1, pricedOn, currency: 'USD', cloud, counts: { without, withIt }, ...bill }))
else {
  const width = Math.max(...bill.lines.map(({ what }) => what.length))
  for (const { part, what, dollars } of bill.lines)
    console.log(
      `${part.padEnd(14)} ${what.padEnd(width)} ${dollars === null ? '      –' : dollars.toFixed(2).padStart(7)}`,
    )
  console.log(
    `\ncore ${bill.core.toFixed(2)}, with verification ${bill.withVerification.toFixed(2)} dollars a month (us-east-1, list prices of ${pricedOn}, no free tier)`,
  )
}
