/** Where a certificate is kept with its key and CA: files on one machine (files.ts), a secret on AWS (secret.ts), memory in tests. */
import type { Credentials } from './credentials.ts'

export interface Keeper {
  /** In words, for people. */
  readonly place: string
  /** @returns undefined where nothing is kept yet. @throws CredentialsUnusable where what is kept cannot be read or is no such thing */
  read(): Promise<Credentials | undefined>
  /** Whole, or not at all: whoever reads meanwhile has all of the old or all of the new. @throws KeepingFailed */
  write(credentials: Credentials): Promise<void>
}

/** Thrown when it could not be written; what was kept before is kept still. */
export class KeepingFailed extends Error {
  override readonly name = 'KeepingFailed'
}
