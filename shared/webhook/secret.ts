/**
 * The secret that CloudStack signs a webhook's events with, for one cloud. In: a file of mode 0600, or a secret of AWS Secrets
 * Manager. Out: a keeper that reads and writes it whole. It is made here, and nobody has to know it but CloudStack.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AwsSecret } from '../runtime/awsSecret.ts'

export interface SecretKeeper {
  /** Where it is kept, in words. */
  readonly place: string
  /** @returns undefined where there is none. @throws SecretUnusable, and what AWS throws */
  read(): Promise<string | undefined>
  /** @throws SecretUnusable, and what AWS throws */
  write(secret: string): Promise<void>
}

/** Thrown for a secret that cannot be read, written, or is none; it never shows it. */
export class SecretUnusable extends Error {
  override readonly name = 'SecretUnusable'
}

/** 256 bits, in characters that any form and shell takes. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

const isSecret = (text: string): boolean => /^[\x21-\x7e]{16,255}$/.test(text)

function checked(place: string, text: string): string {
  const secret = text.trim()
  if (isSecret(secret)) return secret
  throw new SecretUnusable(`${place} holds no secret of 16 to 255 characters without spaces`)
}

export function secretInFile(file: string): SecretKeeper {
  const place = `the file ${file}`
  return {
    place,
    read: async () => {
      try {
        if ((statSync(file).mode & 0o077) !== 0)
          throw new SecretUnusable(`${place} may be read by others: chmod 600 it`)
        return checked(place, readFileSync(file, 'utf8'))
      } catch (error) {
        if (error instanceof SecretUnusable) throw error
        if (codeOf(error) === 'ENOENT') return undefined
        throw new SecretUnusable(`${place} cannot be read (${codeOf(error)})`)
      }
    },
    write: async (secret) => {
      const fresh = `${file}.${randomUUID()}`
      try {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
        writeFileSync(fresh, `${secret}\n`, { mode: 0o600, flag: 'wx' })
        renameSync(fresh, file)
      } catch (error) {
        throw new SecretUnusable(`${place} cannot be written (${codeOf(error)})`)
      } finally {
        rmSync(fresh, { force: true })
      }
    },
  }
}

export function secretInAws(secret: AwsSecret): SecretKeeper {
  return {
    place: secret.place,
    read: async () => {
      const text = await secret.read()
      return text === undefined ? undefined : checked(secret.place, text)
    },
    write: (text) => secret.write(text, 'Bridgekeeper: what CloudStack signs the events of its webhook with'),
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : error instanceof Error ? error.name : 'unknown'
