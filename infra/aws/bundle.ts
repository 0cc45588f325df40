/**
 * One CommonJS file a function, minified, with everything but the AWS SDK, which the Lambda runtime brings. In:
 * functions/<name>/handler.ts. Out: <out>/functions/<name>.js, <out>/package.json and the sizes. CommonJS `.js` is the
 * one form that Lambda, `serverless invoke local` and the AWS emulators all run.
 */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { leavingOut } from './leftOut.ts'

export interface Bundle {
  readonly name: string
  readonly bytes: number
}

const root = join(import.meta.dirname, '../..')

/** Bundles every function into `out`, which is made anew. @throws Error when a source does not build */
export async function bundle(out: string = join(root, 'dist')): Promise<readonly Bundle[]> {
  const names = (await readdir(join(root, 'functions'))).sort()
  await rm(join(out, 'functions'), { recursive: true, force: true })
  await mkdir(join(out, 'functions'), { recursive: true })
  await writeFile(join(out, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`)
  await build({
    absWorkingDir: root,
    entryPoints: names.map((name) => ({ in: `functions/${name}/handler.ts`, out: name })),
    outdir: join(out, 'functions'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    minify: true,
    legalComments: 'none',
    // ssh2 asks for its native parts inside a try, and does without where they are missing, as they are on Lambda.
    external: ['@aws-sdk/*', 'cpu-features', '*.node'],
    plugins: [leavingOut],
    logLevel: 'error',
  })
  return Promise.all(
    names.map(async (name) => ({ name, bytes: (await stat(join(out, 'functions', `${name}.js`))).size })),
  )
}

/** The sizes as lines fit to be printed, in kB of 1,000 bytes. */
export const sizes = (bundles: readonly Bundle[]): string =>
  bundles.map(({ name, bytes }) => `${name.padEnd(24)}${(bytes / 1000).toFixed(1).padStart(8)} kB`).join('\n')

if (import.meta.main) console.log(sizes(await bundle()))
