/** The deployment as `serverless package` makes it of a clean clone. Out: its folder. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cloned, serverless } from './clone.ts'

/**
 * @param parameters of serverless.yml, other than their defaults. The caller removes the folder.
 * @throws Error with what Serverless printed, as execFile has it
 */
export async function packaged(parameters: Readonly<Record<string, string>> = {}): Promise<string> {
  const clone = await cloned()
  const given = Object.entries(parameters).map(([name, value]) => `--param=${name}=${value}`)
  try {
    await serverless(clone, ['package', ...given])
  } catch (error) {
    await rm(clone, { recursive: true, force: true })
    throw error
  }
  return clone
}

export const templateIn = (folder: string): string =>
  join(folder, '.serverless/cloudformation-template-update-stack.json')
