/** The deployment as `serverless package` makes it of a clean clone, without network or login where that can be had. Out: its folder. */
import { execFile, spawnSync } from 'node:child_process'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')

/** How to run something without any network here: as root, or as a user of a namespace of its own. */
const unshare = [['-n'], ['-rn']].find((flags) => spawnSync('unshare', [...flags, 'true']).status === 0)
export const circumstances = unshare
  ? 'without network or login'
  : 'with the network ON, since unshare is not permitted here'

/**
 * @param parameters of serverless.yml, other than their defaults. The caller removes the folder.
 * @throws Error with what Serverless printed, as execFile has it
 */
export async function packaged(parameters: Readonly<Record<string, string>> = {}): Promise<string> {
  const clone = await mkdtemp(join(tmpdir(), 'bridgekeeper-package-'))
  for (const part of ['serverless.yml', 'package.json', 'infra/aws', 'functions', 'shared']) {
    await cp(join(root, part), join(clone, part), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'))
  const given = Object.entries(parameters).map(([name, value]) => `--param=${name}=${value}`)
  const command = [process.execPath, join(root, 'node_modules/serverless/bin/serverless.js'), 'package', ...given]
  const [program = '', ...args] = unshare ? ['unshare', ...unshare, ...command] : command
  const environment = { PATH: process.env.PATH ?? '', HOME: clone, CI: '1' }
  try {
    await promisify(execFile)(program, args, { cwd: clone, env: environment, timeout: 50_000 })
  } catch (error) {
    await rm(clone, { recursive: true, force: true })
    throw error
  }
  return clone
}

export const templateIn = (folder: string): string =>
  join(folder, '.serverless/cloudformation-template-update-stack.json')
