/**
 * `npm run memory -- [--only NAME …] [--json]`: how much memory a function needs. A tick in which every host is new and a quiet one, the diff that follows, and
 * a run of a thousand networks on one host, each in a process of its own, whose heap is bounded to three quarters of what Lambda would give
 * the function. Out: for each the least memory that it ended well with; and with what serverless.yml gives it the most that it had at a
 * time, how long each call took, and how long the processor worked for it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundle } from '../../infra/aws/bundle.ts'
import { machineOf } from '../bench/page.ts'
import { vcenterAvailable } from '../vcenter/programs.ts'
import type { Measured } from './measure.ts'
import { deployment, inWorld } from './world.ts'

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, json: { type: 'boolean', default: false } },
})

/** Megabytes, as Lambda gives them. */
const sizes = [128, 160, 192, 256, 384, 512, 768, 1024]

interface Scenario {
  readonly what: string
  readonly function: string
  /** @param heap megabytes */
  run(heap: number): Promise<Measured>
}

const tick = (hosts: number): Scenario => ({
  what: `a tick with ${hosts} new hosts, and a quiet one`,
  function: 'snapshot',
  run: (heap) => inWorld(folder, { hosts, networks: 1000 }, ({ call }) => call('snapshot', [{}, {}], heap)),
})
const diff = (hosts: number): Scenario => ({
  what: `a diff that sends ${hosts} jobs`,
  function: 'diff',
  run: (heap) =>
    inWorld(folder, { hosts, networks: 1000 }, async ({ call, next }) => {
      await call('snapshot', [{}])
      return call('diff', [await next('diff')], heap)
    }),
})
const provisioning = (hosts: 'KVM' | 'XenServer' | 'VMware', name: string, networks: number): Scenario => ({
  what: `a run that makes ${networks} networks on a ${hosts} host`,
  function: name,
  run: (heap) =>
    inWorld(folder, { hosts, networks }, async ({ call, next }) => {
      await call('snapshot', [{}])
      await call('diff', [await next('diff')])
      return call(name, [await next(name)], heap)
    }),
})

const folder = await mkdtemp(join(tmpdir(), 'bridgekeeper-memory-'))
await bundle(folder)
if (!values.json)
  console.log(
    `${machineOf()}\n\n| | function | enough, MB | given, MB | peak, MB | calls, s | processor, s |\n|---|---|---|---|---|---|---|`,
  )
const scenarios = [
  ...[tick(1000), tick(10_000), diff(1000), diff(10_000)],
  ...[provisioning('KVM', 'provisionKvm', 1000), provisioning('XenServer', 'provisionXenserver', 1000)],
]
const vcenter = vcenterAvailable()
if (vcenter.available) scenarios.push(provisioning('VMware', 'provisionVmware', 1000))
else console.error(`provisionVmware is not measured: it needs ${vcenter.missing}`)
for (const scenario of scenarios.filter((each) => values.only?.includes(each.function) ?? true)) await tell(scenario)
await rm(folder, { recursive: true, force: true })

async function tell(scenario: Scenario): Promise<void> {
  const enough = await leastOf(scenario)
  const given = deployment.functions.find(({ name }) => name === scenario.function)?.memory ?? Number.NaN
  const { results, calls, processor, ...measured } = await scenario.run(heapOf(given))
  const row = {
    what: scenario.what,
    function: scenario.function,
    enough,
    given,
    peak: megabytes(measured),
    seconds: calls.map(inSeconds),
    processor: processor.map(inSeconds),
    results,
  }
  if (values.json) console.log(JSON.stringify({ machine: machineOf(), ...row }))
  else
    console.log(
      `| ${row.what} | ${row.function} | ${enough} | ${given} | ${row.peak} | ${row.seconds.join(', ')} | ${row.processor.join(', ')} |`,
    )
}

/** @throws Error where the largest is not enough */
async function leastOf({ what, run }: Scenario): Promise<number> {
  for (const size of sizes) {
    process.stderr.write(`${what}: with ${size} MB\n`)
    const peak = await run(heapOf(size)).then(megabytes, () => undefined)
    if (peak !== undefined && peak <= size) return size
    process.stderr.write(`  ${peak === undefined ? 'it ends badly' : `it has ${peak} MB`}\n`)
  }
  throw new Error(`${what}: ${sizes.at(-1)} MB are not enough`)
}

/** Of what a function has, for JavaScript alone: Node, its code and its buffers need the rest. */
function heapOf(memory: number): number {
  return (memory * 3) / 4
}

function megabytes({ maxRSS }: Pick<Measured, 'maxRSS'>): number {
  return Math.round(maxRSS / 1024)
}

function inSeconds(milliseconds: number): number {
  return Math.round(milliseconds / 10) / 100
}
