/**
 * A program that launches itself in a private namespace, for tests that end it in every way. In: `guest` (boots a bed
 * there and waits) or `wait` (only waits). Out: the line `up NAMESPACE` once it waits; exit code 3 after SIGTERM.
 */
import { readlinkSync } from 'node:fs'
import { runInNamespace } from '../../infra/local/bed/namespace.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'

const [mode = '', inside] = process.argv.slice(2)

if (inside) await wait()
else process.exitCode = await runInNamespace(process.execPath, [import.meta.filename, mode, 'inside'])

async function wait(): Promise<void> {
  const timer = setInterval(() => {}, 60_000)
  process.on('SIGTERM', () => {
    clearInterval(timer)
    process.exitCode = 3
  })
  if (mode === 'guest') await startUmlBed({ hosts: [{ name: 'kvm-1' }] })
  console.log(`up ${readlinkSync('/proc/self/ns/net')}`)
}
