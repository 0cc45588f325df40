/** Records what a release leaves in its table and queues (test/fixtures/releases/README.md). In: the file to write. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recorded } from './recording.ts'
import { lead, startWorld } from './scene.ts'

const [, , file] = process.argv
if (file === undefined) throw new Error('node test/upgrade/record.ts FILE')
const data = mkdtempSync(join(tmpdir(), 'recording-'))
const world = await startWorld()
try {
  const left = await lead(world, join(data, 'records'))
  writeFileSync(file, recorded(world, left))
  console.log(`${left.items.length} items, ${left.sent.length} messages`)
} finally {
  await world.stop()
  rmSync(data, { recursive: true })
}
