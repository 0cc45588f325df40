/** PyPI's XenAPI, a client that is not written here. In: what the machine has. Out: whether it can run, or what is missing. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Availability } from '../../infra/local/bed/bed.ts'

/** Where `npm run parts` puts it. */
export const xapiParts = join(import.meta.dirname, '../../.parts/xenapi')

export function xapiPythonAvailable(): Availability {
  if (spawnSync('python3', ['--version']).status !== 0)
    return { available: false, missing: 'python3 (apt-get install python3)' }
  if (!existsSync(join(xapiParts, 'XenAPI')))
    return { available: false, missing: 'PyPI’s XenAPI (npm run parts, which needs pip)' }
  return { available: true }
}
