/**
 * `npm run bench -- [--json] [--only WORDS …]`: what Bridgekeeper's work costs against what a user would have instead, both
 * measured in this run. Out: one line a measurement on standard output (JSON: name, value, unit, baseline, ratio), progress on
 * standard error. `-- --page FILE` writes docs/bench.md from such lines, on the machine that measured them.
 */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { insideNamespace, runInNamespace } from '../../infra/local/bed/namespace.ts'
import { umlAvailable } from '../../infra/local/bed/uml.ts'
import { chosenOf, kvmBenches, measureKvm } from './kvm.ts'
import type { Measurement } from './measurement.ts'
import { machineOf, pageOf, readMeasurements } from './page.ts'
import { measureTick } from './tick.ts'

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, only: { type: 'string', multiple: true }, page: { type: 'string' } },
})
const progress = (line: string): void => console.error(line)

if (options.page !== undefined) await writePage(options.page)
else process.exitCode = await bench(options.only ?? [])

async function writePage(file: string): Promise<void> {
  const measurements = readMeasurements(await readFile(file, 'utf8'))
  const page = pageOf(measurements, machineOf(), (await stat(file)).mtime)
  await writeFile(join(import.meta.dirname, '../../docs/bench.md'), page)
}

/** @param only words of names: `tick`, `vlan`, `vlan-100`, `script-per-network`; all when empty. @returns the exit code. */
async function bench(only: readonly string[]): Promise<number> {
  const chosen = kvmBenches.flatMap((one) => chosenOf(one, only))
  if (!insideNamespace()) {
    if (only.length === 0 || only.includes('tick')) {
      progress('ticks at 10,000 hosts, 1,000 networks, 9 rounds')
      for (const measurement of await measureTick({ hosts: 10_000, networks: 1_000, pairs: 9 })) print(measurement)
    }
    if (chosen.length === 0) return 0
    const uml = umlAvailable()
    if (uml.available) return runInNamespace(process.execPath, [import.meta.filename, ...process.argv.slice(2)])
    console.error(`bench: a host cannot be measured here: it needs ${uml.missing}`)
    return 1
  }
  for (const one of chosen) await measureKvm(one, print, progress)
  return 0
}

function print(measurement: Measurement): void {
  const { name, value, unit, baseline, ratio } = measurement
  console.log(
    options.json
      ? JSON.stringify(measurement)
      : `${name}: ${value} ${unit}, baseline ${baseline} ${unit}, ratio ${ratio}`,
  )
}
