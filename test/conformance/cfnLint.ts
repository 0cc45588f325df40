/** cfn-lint, which knows CloudFormation's own schemas (`npm run parts:cfn-lint`). In: a template's file. Out: what it finds, a line each. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Availability } from '../../infra/local/bed/bed.ts'

const program = join(import.meta.dirname, '../../.parts/cfn-lint/bin/cfn-lint')

export const cfnLintAvailable = (): Availability =>
  existsSync(program)
    ? { available: true }
    : { available: false, missing: 'cfn-lint (apt-get install python3-venv, npm run parts:cfn-lint)' }

/** W3005: a dependency that is written and would be there anyway, as the serverless CLI itself writes for every role. */
const passedOver = 'W3005'

export async function lint(file: string, regions: readonly string[]): Promise<readonly string[]> {
  const args = ['--format', 'parseable', '--ignore-checks', passedOver, '--regions', ...regions, '--template', file]
  const found = await promisify(execFile)(program, args, { maxBuffer: 16 * 1024 * 1024 }).catch(
    (error: { readonly stdout?: string; readonly stderr?: string }) => error,
  )
  return `${found.stdout ?? ''}${found.stderr ?? ''}`.split('\n').filter((line) => line !== '')
}
