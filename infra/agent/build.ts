/**
 * `npm run agent [-- --executable]`: the agent as one file for a host's own Node (20 or later), and as one executable that
 * brings its Node along. In: infra/agent. Out: dist/agent/, with the unit and the installer beside it.
 */
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** @returns the file's path. @throws Error when a source does not build */
export async function buildAgent(out: string = join(root, 'dist/agent')): Promise<string> {
  const manifest: { version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  await mkdir(out, { recursive: true })
  const file = join(out, 'bridgekeeper-agent.cjs')
  await build({
    absWorkingDir: root,
    entryPoints: ['infra/agent/agent.ts'],
    outfile: file,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minify: true,
    legalComments: 'none',
    banner: { js: '#!/usr/bin/env node' },
    define: {
      'process.env.BRIDGEKEEPER_AGENT_VERSION': JSON.stringify(manifest.version),
      'import.meta.url': '"file:///"',
    },
    logLevel: 'error',
  })
  await chmod(file, 0o755)
  for (const beside of ['bridgekeeper-agent.service', 'install.sh'])
    await copyFile(join(import.meta.dirname, beside), join(out, beside))
  return file
}

/** The sentinel that Node's documentation gives. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** @param node the Node that the executable brings along: this one unless given. @returns the file's path */
export async function buildExecutable(
  out: string = join(root, 'dist/agent'),
  node = process.execPath,
): Promise<string> {
  const main = await buildAgent(out)
  const [blob, settings, executable] = [
    join(out, 'agent.blob'),
    join(out, 'agent.json'),
    join(out, 'bridgekeeper-agent'),
  ]
  await writeFile(settings, JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true }))
  await run(node, ['--experimental-sea-config', settings])
  await copyFile(node, executable)
  await chmod(executable, 0o755)
  const postject = join(root, 'node_modules/postject/dist/cli.js')
  await run(process.execPath, [postject, executable, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse])
  await Promise.all([blob, settings].map((file) => rm(file)))
  return executable
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { executable: { type: 'boolean', default: false } } })
  console.log(await (values.executable ? buildExecutable() : buildAgent()))
}
