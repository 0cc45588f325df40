/**
 * What an event of CloudStack's webhook is worth. Pure. In: the body's bytes, its signature, each cloud's secret. Out: the clouds
 * whose secret fits, and whether a snapshot could find something new. Which cloud an event is of and what happened is only believed
 * where it is signed: never by the address or a header.
 *
 * | An event (facts F3; WebhookDeliveryThread.java, ActionEventUtils.java)              | is worth             |
 * |--------------------------------------------------------------------------------------|----------------------|
 * | without the base64 HMAC-SHA256 of its body                                           | nothing: a stranger  |
 * | of a network, its label or range, a zone, an owner that is deleted; `Completed`      | a snapshot           |
 * | MAINT.CANCEL, HOST.CANCEL.DEGRADED                                                   | a snapshot, soon:    |
 * |                                                                                      | a real server tells  |
 * |                                                                                      | them as `Scheduled`  |
 * |                                                                                      | alone, which is      |
 * |                                                                                      | before they are done |
 * | of anything else, or not completed yet, or one that cannot be read (a test delivery) | an answer            |
 *
 * CloudStack has no event for a host that is added, rebooted, enabled or connects again: the schedule finds these.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import * as z from 'zod/mini'
import { tellsOfNetworks } from '../cloudstack/events.ts'

const signatureOf = (secret: string, body: Uint8Array): Buffer => createHmac('sha256', secret).update(body).digest()

/** Each secret is compared with, in a time that tells nothing of any. @param secrets by cloud */
export function cloudsOfSignature(
  signature: string | undefined,
  body: Uint8Array,
  secrets: ReadonlyMap<string, string>,
): readonly string[] {
  if (signature === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(signature)) return []
  const given = Buffer.from(signature, 'base64')
  return [...secrets].filter(([, secret]) => timingSafeEqual(signatureOf(secret, body), given)).map(([cloud]) => cloud)
}

const eventShape = z.object({
  event: z.string().check(z.maxLength(100)),
  status: z.optional(z.string().check(z.maxLength(100))),
})

/** Of hosts, where a snapshot sees another state than the last one did. */
const tellsOfHosts = /^(MAINT\.CANCEL|HOST\.CANCEL\.DEGRADED)$/

export interface SignedEvent {
  /** Absent where it cannot be read. */
  readonly type?: string
  readonly snapshot: 'now' | 'soon' | 'none'
}

/** A network's that is under way is worth nothing: its end comes too, and would find that a snapshot was taken a moment ago. */
export function signedEvent(body: Uint8Array): SignedEvent {
  const parsed = eventShape.safeParse(jsonOf(Buffer.from(body).toString('utf8')))
  if (!parsed.success) return { snapshot: 'none' }
  const { event: type, status = 'Completed' } = parsed.data
  const isDone = status === 'Completed'
  if (isDone && (tellsOfNetworks(type) || tellsOfHosts.test(type))) return { type, snapshot: 'now' }
  return { type, snapshot: tellsOfHosts.test(type) ? 'soon' : 'none' }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
