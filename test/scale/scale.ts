/**
 * `npm run scale -- [--json] [--networks 1000]`: a thousand VLAN networks on one host and a thousand VXLAN networks on
 * another, both real. Out: one line a step on standard output; exit 1 when one does not hold.
 */
import { parseArgs } from 'node:util'
import { insideNamespace, runInNamespace } from '../../infra/local/bed/namespace.ts'
import { umlAvailable } from '../../infra/local/bed/uml.ts'
import { type Step, scaleVlan, scaleVxlan } from './scaleKvm.ts'

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, networks: { type: 'string', default: '1000' } },
})

process.exitCode = await scale(Number(options.networks))

/** @returns the exit code. */
async function scale(networks: number): Promise<number> {
  if (!Number.isInteger(networks) || networks < 21 || networks > 3_000) {
    console.error(`scale: --networks ${options.networks}: a whole number from 21 to 3000 is needed`)
    return 1
  }
  const uml = umlAvailable()
  if (!uml.available) {
    console.error(`scale: no real host can be had here: it needs ${uml.missing}`)
    return 1
  }
  if (!insideNamespace()) return runInNamespace(process.execPath, [import.meta.filename, ...process.argv.slice(2)])
  const steps: Step[] = []
  const done = (step: Step): void => {
    steps.push(step)
    console.log(options.json ? JSON.stringify(step) : inWords(step))
  }
  await scaleVlan(networks, done)
  await scaleVxlan(networks, done)
  return steps.every(({ wrong }) => wrong.length === 0) ? 0 : 1
}

function inWords({ kind, bed, networks, step, verdict, pairs, seconds, settings, wrong }: Step): string {
  const told = settings.length === 0 ? '' : `; to set: ${settings.join(', ')}`
  const judged = wrong.length === 0 ? '' : `; WRONG: ${wrong.join('; ')}`
  return `${networks} ${kind.toUpperCase()} networks (${bed}), ${step}: ${verdict}, ${pairs} pairs stand, ${seconds} s${told}${judged}`
}
