/** A thread that reads a certificate's files until it is told to end: how often, and whatever did not belong together. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { check } from '../../shared/certificate/credentials.ts'
import { type Files, keptInFiles } from '../../shared/certificate/files.ts'

const files: Files = workerData
const keeper = keptInFiles(files)
const broken: string[] = []
let [reads, isOver] = [0, false]
parentPort?.on('message', () => {
  isOver = true
})
parentPort?.postMessage('begun')
while (!isOver) {
  try {
    const kept = await keeper.read()
    if (kept === undefined) broken.push('none')
    else check(kept)
  } catch (error) {
    broken.push(String(error))
  }
  reads += 1
  await nextTurn()
}
parentPort?.postMessage({ reads, broken: broken.slice(0, 3) })
parentPort?.close()
