/**
 * Who may speak to the embedded parts: any user of this machine reaches 127.0.0.1, so each start makes a new access key
 * and only requests that name it are served. In: a request's headers. Out: whether it is one of ours.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export const newAccessKey = (): AccessKey => ({
  accessKeyId: `LOCAL${randomBytes(16).toString('hex').toUpperCase()}`,
  secretAccessKey: randomBytes(20).toString('hex'),
})

/** The key's id is the secret here: it never leaves the loopback interface, and the emulators check no signature. */
export const admitted = (headers: IncomingHttpHeaders, { accessKeyId }: AccessKey): boolean =>
  headers.authorization?.includes(`Credential=${accessKeyId}/`) ?? false
