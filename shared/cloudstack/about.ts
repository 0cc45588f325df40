/**
 * What a management server says of itself and of the key that asks. In: a client. Out: its version, and which commands
 * this key may call (listApis names no others). How to read them is capabilities.ts.
 */
import * as z from 'zod/mini'
import type { CloudStack } from './client.ts'
import { RequestRefused } from './errors.ts'

export interface About {
  /** For example 4.18.0.0. */
  readonly version: string
  /** False: roles are fixed on that server (its setting dynamic.apichecker.enabled), and none can be created. */
  readonly dynamicRoles: boolean
}

const word = z.string().check(z.maxLength(255))

const capabilities = z.pipe(
  z.object({
    capability: z.object({ cloudstackversion: word, dynamicrolesenabled: z.optional(z.boolean()) }),
  }),
  z.transform(({ capability: { cloudstackversion, dynamicrolesenabled } }) => ({
    version: cloudstackversion,
    dynamicRoles: dynamicrolesenabled !== false,
  })),
)

/** @throws CloudStackError */
export const readAbout = (cloudstack: Pick<CloudStack, 'call'>): Promise<About> =>
  cloudstack.call('listCapabilities', {}, capabilities)

/** @returns undefined where the key may not ask for it. @throws CloudStackError */
export async function readVersion(cloudstack: Pick<CloudStack, 'call'>): Promise<string | undefined> {
  try {
    return (await readAbout(cloudstack)).version
  } catch (error) {
    if (error instanceof RequestRefused && error.code === 432) return undefined
    throw error
  }
}

const apis = z.object({ api: z.optional(z.array(z.object({ name: word }))) })

/** Some 700 commands and 3 MB for a root admin; a few for a custom role. @throws CloudStackError */
export async function readAllowed(cloudstack: Pick<CloudStack, 'call'>): Promise<ReadonlySet<string>> {
  const { api = [] } = await cloudstack.call('listApis', {}, apis)
  return new Set(api.map(({ name }) => name))
}
