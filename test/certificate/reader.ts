/** A thread that reads a certificate's files a hundred times, and tells whatever did not belong together. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { check } from '../../shared/certificate/credentials.ts'
import { type Files, keptInFiles } from '../../shared/certificate/files.ts'

const files: Files = workerData
const keeper = keptInFiles(files)
const broken: string[] = []
parentPort?.postMessage('begun')
for (let reads = 0; reads < 100; reads += 1) {
  try {
    const kept = await keeper.read()
    if (kept === undefined) broken.push('none')
    else check(kept)
  } catch (error) {
    broken.push(String(error))
  }
  await nextTurn()
}
parentPort?.postMessage({ broken: broken.slice(0, 3) })
