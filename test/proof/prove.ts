/**
 * `npm run prove -- PROOF [--rounds N] [--seed S] [--json]`: the long form of what the tests show in short, on real kernels. In:
 * the name of a proof, or `all`. Out: progress on standard error, figures on standard output (with --json one object a proof);
 * exit 1 when anything was wrong, with every word of it.
 */
import { parseArgs } from 'node:util'
import { insideNamespace, runInNamespace } from '../../infra/local/bed/namespace.ts'
import { umlAvailable } from '../../infra/local/bed/uml.ts'
import { crossHosts } from './crossHosts.ts'
import { crossings, crossingsNative } from './crossings.ts'
import { damages } from './damageRounds.ts'
import type { Proof } from './proof.ts'
import { reach } from './reach.ts'
import { removal, removalNative } from './removalRounds.ts'
import { scripts, scriptsNative } from './scripts.ts'
import { silence } from './silence.ts'
import { steps } from './stepRounds.ts'

const proofs: readonly Proof[] = [
  damages,
  scripts,
  scriptsNative,
  silence,
  reach,
  crossHosts,
  removal,
  removalNative,
  crossings,
  crossingsNative,
  steps,
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string' }, seed: { type: 'string' }, json: { type: 'boolean' } },
})

process.exitCode = await main()

async function main(): Promise<number> {
  const [name = ''] = positionals
  const chosen = proofs.filter((proof) => name === 'all' || proof.name === name)
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (chosen.length === 0 || (rounds !== undefined && !(Number.isSafeInteger(rounds) && rounds > 0))) {
    console.error('prove PROOF [--rounds N] [--seed S] [--json], where PROOF is all or one of:')
    for (const proof of proofs) console.error(`  ${proof.name.padEnd(14)} ${proof.says}; ${proof.rounds} rounds`)
    return 1
  }
  const uml = umlAvailable()
  if (!uml.available) {
    console.error(`prove: there is no guest to prove anything on: it needs ${uml.missing}`)
    return 1
  }
  if (!insideNamespace()) return runInNamespace(process.execPath, [import.meta.filename, ...process.argv.slice(2)])
  let wrong = 0
  for (const proof of chosen) wrong += await tell(proof, rounds ?? proof.rounds)
  return wrong === 0 ? 0 : 1
}

/** @returns how much was wrong. */
async function tell(proof: Proof, rounds: number): Promise<number> {
  const began = Date.now()
  const figures = await proof.prove({
    rounds,
    seed: values.seed ?? '1',
    progress: (line) => console.error(`${proof.name}: ${line}`),
  })
  const seconds = Math.round((Date.now() - began) / 1000)
  if (values.json) console.log(JSON.stringify({ ...figures, seconds }))
  else {
    const counts = Object.entries(figures.counts).map(([what, count]) => `${what} ${count}`)
    console.log(`${figures.proof} on ${figures.kernel}, seed ${figures.seed}, ${seconds} s: ${counts.join(', ')}`)
    for (const problem of figures.wrong) console.log(`WRONG: ${problem}`)
  }
  return figures.wrong.length
}
