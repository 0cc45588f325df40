/**
 * `npm run bench -- [--json]`: what Bridgekeeper's work costs against what a user would have instead, both measured in this
 * run. Out: one line a measurement on standard output (JSON: name, value, unit, baseline, ratio), progress on standard error.
 */
import { insideNamespace, runInNamespace } from '../../infra/local/bed/namespace.ts'
import { umlAvailable } from '../../infra/local/bed/uml.ts'
import { type Measurement, measureKvmVlan } from './kvmVlan.ts'

const uml = umlAvailable()
if (!uml.available) {
  console.error(`bench: nothing can be measured here: it needs ${uml.missing}`)
  process.exitCode = 1
} else if (!insideNamespace()) {
  process.exitCode = await runInNamespace(process.execPath, [import.meta.filename, ...process.argv.slice(2)])
} else {
  const json = process.argv.includes('--json')
  const progress = (line: string): void => console.error(line)
  print(await measureKvmVlan({ networks: 100, pairs: 9 }, progress), json)
}

function print(measurement: Measurement, json: boolean): void {
  const { name, value, unit, baseline, ratio } = measurement
  console.log(
    json ? JSON.stringify(measurement) : `${name}: ${value} ${unit}, baseline ${baseline} ${unit}, ratio ${ratio}`,
  )
}
