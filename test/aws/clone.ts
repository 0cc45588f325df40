/** A clean clone of what Serverless works on, and Serverless run in it, without network or login where that can be had. */
import { execFile, spawnSync } from 'node:child_process'
import { cp, mkdtemp, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')

/** How to run something without any network here, its own loopback apart: as root, or as a user of a namespace of its own. */
const withLoopback = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
const unshare = [['-n'], ['-rn']].find(
  (flags) => spawnSync('unshare', [...flags, ...withLoopback, 'true']).status === 0,
)
export const circumstances = unshare
  ? 'without network or login'
  : 'with the network ON, since unshare is not permitted here'

/** The caller removes the folder. */
export async function cloned(): Promise<string> {
  const clone = await mkdtemp(join(tmpdir(), 'bridgekeeper-clone-'))
  for (const part of ['serverless.yml', 'package.json', 'infra', 'functions', 'shared'])
    await cp(join(root, part), join(clone, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'))
  return clone
}

export interface Run {
  readonly environment?: Readonly<Record<string, string>>
  /** Whether it reaches what listens on this machine. Default: it reaches nothing but itself. */
  readonly onThisMachine?: boolean
}

/** @throws Error with what Serverless printed, as execFile has it */
export async function serverless(folder: string, given: readonly string[], run: Run = {}): Promise<string> {
  const command = [process.execPath, join(root, 'node_modules/serverless/bin/serverless.js'), ...given]
  const isApart = unshare !== undefined && run.onThisMachine !== true
  const [program = '', ...args] = isApart ? ['unshare', ...unshare, ...withLoopback, ...command] : command
  const env = { PATH: process.env.PATH ?? '', HOME: folder, CI: '1', ...run.environment }
  const running = promisify(execFile)(program, args, { cwd: folder, env, timeout: 50_000 })
  running.child.stdin?.end()
  return (await running).stdout
}
