/**
 * The certificate in three files that only their owner may read. In: their names. Out: a Keeper. Three files cannot be replaced at
 * once, so a write first puts all three into one, `<certificate>.new`, by a rename: from then on that one counts, also for who reads
 * after a crash, until each has its own file and it is gone.
 */
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod/mini'
import { type Credentials, CredentialsUnusable } from './credentials.ts'
import { type Keeper, KeepingFailed } from './keeper.ts'

export interface Files {
  readonly certificate: string
  readonly key: string
  readonly ca: string
}

const parts = ['key', 'ca', 'certificate'] as const
const largest = 64 * 1024
const whole = z.object({ certificate: z.string(), key: z.string(), ca: z.string() })

export function keptInFiles(files: Files): Keeper {
  const fresh = `${files.certificate}.new`
  return {
    place: `${files.certificate}, ${files.key}, ${files.ca}`,
    read: async () => readFiles(files, fresh),
    write: async (credentials) => {
      try {
        mkdirSync(dirname(files.certificate), { recursive: true, mode: 0o700 })
        await alone(files.certificate, () => {
          replace(fresh, JSON.stringify(credentials))
          for (const part of parts) {
            mkdirSync(dirname(files[part]), { recursive: true, mode: 0o700 })
            replace(files[part], credentials[part])
          }
          rmSync(fresh)
        })
      } catch (error) {
        throw new KeepingFailed(`${files.certificate} and what belongs to it cannot be written (${codeOf(error)})`)
      }
    },
  }
}

/**
 * Read again where a writer came between: it begins with the one file and ends with the certificate's own, so what was read is of one
 * writing if neither changed meanwhile.
 */
function readFiles(files: Files, fresh: string, again = 10): Credentials | undefined {
  const begun = readText(fresh)
  if (begun !== undefined) return parsed(begun, fresh)
  const [certificate, key, ca] = [readText(files.certificate), readText(files.key), readText(files.ca)]
  const isOne = readText(fresh) === undefined && readText(files.certificate) === certificate
  if (!isOne && again > 0) return readFiles(files, fresh, again - 1)
  if (certificate === undefined && key === undefined && ca === undefined) return undefined
  if (certificate !== undefined && key !== undefined && ca !== undefined) return { certificate, key, ca }
  const found = { [files.certificate]: certificate, [files.key]: key, [files.ca]: ca }
  const absent = Object.keys(found).filter((file) => found[file] === undefined)
  throw new CredentialsUnusable(`${absent.join(' and ')} does not exist, and the others do`)
}

function parsed(text: string, file: string): Credentials {
  try {
    return whole.parse(JSON.parse(text))
  } catch {
    throw new CredentialsUnusable(`${file} is not what a renewal writes`)
  }
}

/** @throws CredentialsUnusable unless it is there and can be read, or is not there at all */
function readText(file: string): string | undefined {
  try {
    if (lstatSync(file).size > largest) throw new CredentialsUnusable(`${file} has more than ${largest} bytes`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof CredentialsUnusable) throw error
    if (codeOf(error) === 'ENOENT') return undefined
    throw new CredentialsUnusable(`${file} cannot be read (${codeOf(error)})`)
  }
}

/** By a rename, and on the disk before it: after a power cut the name has the old content or the new one. */
function replace(file: string, text: string): void {
  const beside = `${file}.${randomUUID()}`
  try {
    const descriptor = openSync(beside, 'wx', 0o600)
    try {
      writeFileSync(descriptor, text)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(beside, file)
  } finally {
    rmSync(beside, { force: true })
  }
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** One writer at a time, by a lock of SQLite's, which the kernel takes back from a process that ends. */
async function alone(certificate: string, work: () => void): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  const lock = new DatabaseSync(join(dirname(certificate), '.certificate.lock'), { timeout: 5_000 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    work()
  } finally {
    lock.close()
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : error instanceof Error ? error.name : 'unknown'
