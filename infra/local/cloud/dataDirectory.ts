/**
 * The folder where one process keeps its state. In: its path. Out: a hold on it that the kernel takes back when the
 * process ends, however it ends, so that no stale lock is ever left: a file lock of SQLite, which Node brings along.
 */
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'

/** Thrown when the folder cannot be used; says which, why, and what to do. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError'
}

/** What a running service tells of itself, for clients on the same machine; only its own user may read it. */
export const serviceFile = (directory: string): string => join(directory, 'service.json')

export const serviceSchema = z.object({
  pid: z.int(),
  startedAt: z.string(),
  /** What a client needs in its environment: endpoints, keys, table, queues. */
  environment: z.record(z.string(), z.string()),
})
export type Service = z.infer<typeof serviceSchema>

const busy = 5

/**
 * Makes the folder (mode 0700) and takes hold of it. @returns a function that lets it go.
 * @throws DataDirectoryError when another process has it, or it cannot be written.
 */
export function holdDataDirectory(directory: string): () => void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    chmodSync(directory, 0o700)
    const lock = new DatabaseSync(join(directory, 'lock'))
    try {
      lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      throw error
    }
    return () => lock.close()
  } catch (error) {
    throw new DataDirectoryError(explain(directory, error), { cause: error })
  }
}

function explain(directory: string, error: unknown): string {
  const named = `BRIDGEKEEPER_DATA=${JSON.stringify(directory)}`
  if (error instanceof Error && 'errcode' in error && error.errcode === busy) {
    return `${named} is in use by another Bridgekeeper (process ${holder(directory)}): stop that one, or name another folder.`
  }
  const why = error instanceof Error ? error.message : String(error)
  return `${named} cannot be used (${why}): name a folder that this user may write.`
}

function holder(directory: string): string {
  try {
    return String(serviceSchema.parse(JSON.parse(readFileSync(serviceFile(directory), 'utf8'))).pid)
  } catch {
    return 'unknown'
  }
}
