/** `hostkeys -o json`: stable shapes, as status. Times are ISO 8601 in UTC; a jump host has neither zone nor id. */
import * as z from 'zod'
import { type Accepted, type ImportReport, importResults } from '../../shared/flow/hostKeys.ts'
import type { Held, KeyHolder } from '../../shared/flow/keyHolders.ts'
import { partsOf } from '../../shared/hypervisors/kvm/hostKeys.ts'
import { keySources } from '../../shared/store/items.ts'
import { isoTime } from './duration.ts'

const versioned = { version: z.literal(1), cloud: z.string() }

const holder = z.strictObject({
  kind: z.enum(['host', 'jump']),
  zone: z.strictObject({ id: z.string(), name: z.string() }).nullable(),
  id: z.string().nullable(),
  name: z.string(),
  address: z.string(),
  port: z.int(),
})

/** As ssh-keygen -l prints it. */
const key = z.strictObject({ type: z.string(), fingerprint: z.string(), revoked: z.boolean() })

export const keyListSchema = z.strictObject({
  ...versioned,
  hosts: z.array(
    holder.extend({
      /** CloudStack's state; null of a jump host. */
      state: z.string().nullable(),
      keys: z.array(key),
      source: z.enum(keySources).nullable(),
      by: z.string().nullable(),
      why: z.string().nullable(),
      at: z.iso.datetime().nullable(),
      /** True: it is Up and served over SSH, and no key of it is on record. */
      lacksKey: z.boolean(),
      /** The last key that it presented and that was not trusted. */
      refused: key.extend({ at: z.iso.datetime().nullable() }).nullable(),
    }),
  ),
})

export const importSchema = z.strictObject({
  ...versioned,
  hosts: z.array(holder.extend({ result: z.enum(importResults), before: z.array(key), found: z.array(key) })),
  lines: z.strictObject({ read: z.int(), ofNoHost: z.int(), passedOver: z.int() }),
})

export const acceptSchema = z.strictObject({
  ...versioned,
  host: holder,
  accepted: key,
  /** True: it was on record before. */
  before: z.boolean(),
  replaced: z.array(key),
})

const holderJson = ({ record, zone, name, address, port }: KeyHolder): z.infer<typeof holder> => ({
  kind: record === undefined ? 'jump' : 'host',
  zone: zone === undefined ? null : { id: zone.id, name: zone.name },
  id: record?.id ?? null,
  name: record?.name ?? name,
  address,
  port,
})

export const lacksKey = ({ holder: { record, bySsh }, keys }: Held): boolean =>
  bySsh && (record?.state ?? 'Up') === 'Up' && keys.keys.length === 0

export const keyListJson = (cloud: string, held: readonly Held[]): z.infer<typeof keyListSchema> => ({
  version: 1,
  cloud,
  hosts: held.map((each) => ({
    ...holderJson(each.holder),
    state: each.holder.record?.state ?? null,
    keys: each.keys.keys.map(partsOf),
    source: each.keys.source ?? null,
    by: each.keys.by ?? null,
    why: each.keys.why ?? null,
    at: isoTime(each.keys.at),
    lacksKey: lacksKey(each),
    refused:
      each.keys.refused === undefined ? null : { ...partsOf(each.keys.refused), at: isoTime(each.keys.refusedAt) },
  })),
})

export const importJson = (cloud: string, { hosts, lines }: ImportReport): z.infer<typeof importSchema> => ({
  version: 1,
  cloud,
  hosts: hosts.map(({ holder: of, result, before, found }) => ({
    ...holderJson(of),
    result,
    before: before.map(partsOf),
    found: found.map(partsOf),
  })),
  lines,
})

export const acceptJson = (cloud: string, done: Accepted): z.infer<typeof acceptSchema> => ({
  version: 1,
  cloud,
  host: holderJson(done.holder),
  accepted: partsOf(done.accepted),
  before: done.before,
  replaced: done.replaced.map(partsOf),
})
