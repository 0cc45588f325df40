/**
 * `npm run bench -- [--json]`: what Bridgekeeper's work costs against what a user would have instead, both measured in this
 * run. Out: one line a measurement on standard output (JSON: name, value, unit, baseline, ratio), progress on standard error.
 */
import { insideNamespace, runInNamespace } from '../../infra/local/bed/namespace.ts'
import { umlAvailable } from '../../infra/local/bed/uml.ts'
import { type Measurement, measureKvmVlan } from './kvmVlan.ts'
import { measureTick } from './tick.ts'

const json = process.argv.includes('--json')
const progress = (line: string): void => console.error(line)

if (insideNamespace()) {
  print(await measureKvmVlan({ networks: 100, pairs: 9 }, progress))
} else {
  progress('ticks at 10,000 hosts, 1,000 networks, 9 rounds')
  for (const measurement of measureTick({ hosts: 10_000, networks: 1_000, pairs: 9 })) print(measurement)
  const uml = umlAvailable()
  if (uml.available) {
    process.exitCode = await runInNamespace(process.execPath, [import.meta.filename, ...process.argv.slice(2)])
  } else {
    console.error(`bench: a host cannot be measured here: it needs ${uml.missing}`)
    process.exitCode = 1
  }
}

function print(measurement: Measurement): void {
  const { name, value, unit, baseline, ratio } = measurement
  console.log(
    json ? JSON.stringify(measurement) : `${name}: ${value} ${unit}, baseline ${baseline} ${unit}, ratio ${ratio}`,
  )
}
