/**
 * A desired set as an immutable revision: canonical JSON, compressed, named by its SHA-256. In: desired networks. Out:
 * the name and the bytes; and back again, refusing bytes that are not what their name says.
 */
import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import * as z from 'zod/mini'
import type { Desired } from './model.ts'

export interface EncodedRevision {
  readonly revision: string
  readonly body: Uint8Array
}

/** Of an item's 400 KB, with room for its keys. 1,000 networks take about 27 KB. */
const bodyLimit = 350 * 1024
const textLimit = 64 * 1024 * 1024

/** Thrown when a desired set does not fit into one item; says how many networks it has and what to do. */
export class RevisionTooLarge extends Error {
  override readonly name = 'RevisionTooLarge'
}

/** Thrown when a stored revision is not what its name says. */
export class RevisionDamaged extends Error {
  override readonly name = 'RevisionDamaged'
}

/** @throws RevisionTooLarge */
export function encodeRevision({ networks, labels }: Desired): EncodedRevision {
  const text = JSON.stringify({
    labels: labels.map(({ physicalNetwork, label, vlans, isolation }) => ({
      physicalNetwork,
      label,
      vlans,
      isolation,
    })),
    networks: networks.map(({ physicalNetwork, label, uri, rates, networks: named }) => ({
      physicalNetwork,
      label,
      uri,
      rates,
      networks: named.map(({ id, name }) => ({ id, name })),
    })),
  })
  const body = gzipSync(text)
  if (body.byteLength > bodyLimit) {
    const size = `${networks.length} networks take ${Math.ceil(body.byteLength / 1024)} KB compressed, ${bodyLimit / 1024} KB fit`
    throw new RevisionTooLarge(`${size}: split the zone's persistent networks over several zones or hypervisors`)
  }
  return { revision: digest(text), body }
}

/** @throws RevisionDamaged */
export function decodeRevision({ revision, body }: EncodedRevision): Desired {
  const text = unzipped(revision, body)
  if (digest(text) !== revision) throw new RevisionDamaged(`revision ${revision}: its content has another digest`)
  return desired.parse(JSON.parse(text))
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

function unzipped(revision: string, body: Uint8Array): string {
  try {
    return gunzipSync(body, { maxOutputLength: textLimit }).toString('utf8')
  } catch (error) {
    throw new RevisionDamaged(`revision ${revision}: its content cannot be unpacked`, { cause: error })
  }
}

const label = z.nullable(z.string())

const desired = z.object({
  labels: z.array(
    z.object({
      physicalNetwork: z.string(),
      label,
      vlans: z.exactOptional(z.string()),
      isolation: z.exactOptional(z.string()),
    }),
  ),
  networks: z.array(
    z.object({
      physicalNetwork: z.string(),
      label,
      uri: z.string(),
      rates: z.exactOptional(z.array(z.number())),
      networks: z.array(z.object({ id: z.string(), name: z.string() })),
    }),
  ),
})
