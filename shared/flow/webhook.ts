/**
 * One request to the webhook's address. In: the request, the clouds' secrets, each cloud's ports. Out: an answer; and for a signed
 * event that is worth it a kick, which is all that it ever does (DESIGN 27): nothing in it is believed but that it is time to look.
 * A second one within a minute is answered and left to the schedule.
 */
import { messageVersion } from '../queue/queues.ts'
import { type HttpAnswer, type HttpRequest, textAnswer } from '../runtime/httpEvent.ts'
import type { Ports } from '../runtime/ports.ts'
import { readControl } from '../store/items.ts'
import { hook } from '../store/webhookWrites.ts'
import { cloudsOfSignature, signedEvent } from '../webhook/judge.ts'
import type { HeldSecrets } from '../webhook/secrets.ts'

/** An event of CloudStack's has some hundred bytes. */
export const mostBytes = 256 * 1024

/** Whoever has no secret learns nothing, not even whether there is one. */
const stranger = textAnswer(401, 'not signed by a cloud of this deployment')

/** Until what CloudStack has only scheduled is done: a maintenance that is cancelled takes it less than a second. */
export const soon = 1000

export interface Hooked {
  readonly secrets: HeldSecrets
  readonly portsOf: (cloud: string) => Ports
  readonly sleep: (milliseconds: number) => Promise<unknown>
}

/** @throws what the store and the queue throw; where the queue did, the minute is spent, and the schedule finds what is new */
export async function answerHook(
  { method, headers, body }: HttpRequest,
  { secrets, portsOf, sleep }: Hooked,
): Promise<HttpAnswer> {
  if (method !== 'POST') return textAnswer(405, 'only POST is understood')
  if (body.byteLength > mostBytes) return textAnswer(413, `more than ${mostBytes} bytes`)
  const signature = headers['x-cs-signature']
  if (signature === undefined) return stranger
  const known = cloudsOfSignature(signature, body, await secrets.current())
  const clouds = known.length > 0 ? known : cloudsOfSignature(signature, body, await secrets.anew())
  if (clouds.length === 0) return stranger
  const { type = '', snapshot } = signedEvent(body)
  if (snapshot === 'none') return textAnswer(200, 'signed, and nothing that a snapshot would find')
  const wait = snapshot === 'soon' ? () => sleep(soon) : async () => {}
  const kicked = await Promise.all(clouds.map((cloud) => kickOnceAMinute(portsOf(cloud), cloud, type, wait)))
  return textAnswer(
    200,
    kicked.includes(true) ? 'signed, and a snapshot begins' : 'signed, and one was asked for within the last minute',
  )
}

async function kickOnceAMinute(
  ports: Ports,
  cloud: string,
  event: string,
  wait: () => Promise<unknown>,
): Promise<boolean> {
  const control = readControl(await ports.store.update(hook(cloud, ports.now())))
  ports.logger.info('webhook', { cloud, event, kicked: control !== undefined })
  if (control === undefined) return false
  await wait()
  const body = { v: messageVersion, cloud, why: 'webhook' } as const
  await ports.queues.send('snapshot', [{ body, group: cloud, deduplication: `${cloud}-kick-${control.kick}` }])
  return true
}
