/**
 * `npm test`: runs every vitest project that this machine can, and says which it could not and what to install. In:
 * arguments for vitest. Out: vitest's report, plain lines, and as the last one `tests: N passed, N failed, N skipped`;
 * the exit code of vitest, or 1 when CI=true and a test bed is missing. As root it all happens in a private namespace:
 * no network but its own, and nothing outlives it.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import type { Availability } from '../infra/local/bed/bed.ts'
import { canUnshare, insideNamespace, runInNamespace } from '../infra/local/bed/namespace.ts'
import { umlAvailable } from '../infra/local/bed/uml.ts'
import { agentToolsAvailable } from './agent/real/programs.ts'
import { opensslAvailable } from './cloudstack/real/openssl.ts'
import { cfnLintAvailable } from './conformance/cfnLint.ts'
import { csAvailable } from './conformance/cs.ts'
import { dynamoDbLocalAvailable } from './conformance/dynamodbLocal.ts'
import { xapiPythonAvailable } from './conformance/xapiPython.ts'
import { emulatorsAvailable } from './deploy/emulator.ts'
import { openVswitchAvailable } from './openVswitch/programs.ts'
import { vcenterAvailable } from './vcenter/programs.ts'

const report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
})

/** What one run comes to. */
interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs')

process.exitCode =
  insideNamespace() || !canUnshare().available
    ? await test(process.argv.slice(2))
    : await runInNamespace(process.execPath, [import.meta.filename, ...process.argv.slice(2)])

async function test(extra: readonly string[]): Promise<number> {
  const beds: readonly (readonly [string, Availability])[] = [
    ['dynamodb-local', dynamoDbLocalAvailable()],
    ['cs', csAvailable()],
    ['cfn-lint', cfnLintAvailable()],
    ['deploy', emulatorsAvailable()],
    ['tls', opensslAvailable()],
    ['xapi-python', xapiPythonAvailable()],
    ['vcenter', vcenterAvailable()],
    ['agent', agentToolsAvailable()],
    ['uml', umlAvailable()],
    ['bench', umlAvailable()],
    ['open-vswitch', openVswitchAvailable()],
  ]
  const projects = ['fast', ...beds.filter(([, bed]) => bed.available).map(([name]) => name)]
  const folder = await mkdtemp(join(tmpdir(), 'tests-'))
  const file = join(folder, 'report.json')
  const chosen = projects.map((project) => `--project=${project}`)
  const code = await run([...chosen, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...extra])
  const totals = await readTotals(file)
  await rm(folder, { recursive: true, force: true })

  const place = insideNamespace() ? 'in a private namespace' : 'directly on this machine'
  console.log(`\nprojects that ran, ${place}: ${projects.join(', ')}`)
  for (const [name, bed] of beds) {
    if (!bed.available) console.log(`project that did not run: ${name}, which needs ${bed.missing}`)
  }
  const incomplete = beds.some(([, bed]) => !bed.available) && process.env.CI === 'true'
  if (incomplete) console.log('CI=true: a missing test bed is an error')
  if (!totals) console.log(`vitest ended with ${code} and wrote no report`)
  const { passed, failed, skipped } = totals ?? { passed: 0, failed: 0, skipped: 0 }
  console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`)
  return code === 0 && (incomplete || !totals) ? 1 : code
}

function run(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vitest, 'run', '--configLoader=runner', ...args], { stdio: 'inherit' })
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}

/** A file that failed before its tests, as it was loaded or set up, counts as one that failed. Undefined: there is no report. */
async function readTotals(file: string): Promise<Totals | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = report.parse(JSON.parse(text))
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.every((one) => one.status !== 'failed'),
  )
  return {
    passed: numPassedTests,
    failed: numFailedTests + unloaded.length,
    skipped: numPendingTests + numTodoTests,
  }
}
