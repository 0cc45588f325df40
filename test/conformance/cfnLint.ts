/**
 * cfn-lint, which knows CloudFormation's own schemas (`npm run parts:cfn-lint`). In: a template's file. Out: what it finds, a line each. One
 * that does not start, or does not end as cfn-lint ends, has found nothing and looked at nothing: that is an error.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Availability } from '../../infra/local/bed/bed.ts'

const installed = join(import.meta.dirname, '../../.parts/cfn-lint/bin/cfn-lint')

export const cfnLintAvailable = (): Availability =>
  existsSync(installed)
    ? { available: true }
    : { available: false, missing: 'cfn-lint (apt-get install python3-venv, npm run parts:cfn-lint)' }

/** W3005: a dependency that is written and would be there anyway, as the serverless CLI itself writes for every role. */
const passedOver = 'W3005'

/** Thrown where cfn-lint did not look at the template. */
export class CfnLintFailed extends Error {
  override readonly name = 'CfnLintFailed'
}

/** @throws CfnLintFailed */
export async function lint(
  file: string,
  regions: readonly string[],
  program: string = installed,
): Promise<readonly string[]> {
  const { code: asked, stdout: version } = await run(program, ['--version'])
  if (asked !== 0 || !/^cfn-lint \d+\.\d+/.test(version))
    throw new CfnLintFailed(`${program} is no cfn-lint: ${version}`)
  const args = ['--format', 'parseable', '--ignore-checks', passedOver, '--regions', ...regions, '--template', file]
  const { code, stdout, stderr } = await run(program, args)
  const found = stdout.split('\n').filter((line) => /:[EWI]\d{4}:/.test(line))
  // It ends with 0, or with 2 for errors, 4 for warnings and 8 for information, added up.
  const isAnEnd = code === 0 ? found.length === 0 : (code & ~14) === 0 && found.length > 0
  if (isAnEnd && stderr.trim() === '') return found
  throw new CfnLintFailed(`${program} ended with ${code}: ${`${stdout}${stderr}`.trim().slice(-2000)}`)
}

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** @throws CfnLintFailed where it does not start, or is ended */
async function run(program: string, args: readonly string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await promisify(execFile)(program, args, { maxBuffer: 16 * 1024 * 1024, timeout: 50_000 })) }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'stdout' in error && 'stderr' in error)) throw error
    if (typeof error.code !== 'number') throw new CfnLintFailed(`${program} does not run: ${error.message}`)
    return { code: error.code, stdout: String(error.stdout), stderr: String(error.stderr) }
  }
}
