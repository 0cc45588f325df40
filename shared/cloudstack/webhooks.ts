/**
 * A webhook as the server has it, and how ours is made, changed and removed (facts F3; WebhookApiServiceImpl.java). In: a client, a
 * cloud's name. Out: the webhook that is ours by its name and description, and nobody else's; its last deliveries.
 */
import * as z from 'zod/mini'
import type { CloudStack } from './client.ts'

const word = z.string().check(z.maxLength(4096))
const webhookShape = z.object({
  id: word,
  name: word,
  description: z.optional(word),
  state: word,
  payloadurl: word,
  secretkey: z.optional(word),
  sslverification: z.optional(z.boolean()),
  scope: z.optional(word),
})
export type ListedWebhook = z.infer<typeof webhookShape>

const listed = z.object({ webhook: z.optional(z.array(webhookShape)) })
const deliveriesShape = z.object({
  webhookdelivery: z.optional(
    z.array(
      z.object({
        eventtype: z.optional(word),
        success: z.boolean(),
        response: z.optional(z.string()),
        startdate: z.optional(word),
      }),
    ),
  ),
})
export interface WebhookDelivery {
  readonly event: string
  readonly success: boolean
  readonly response: string
  /** As the server writes it. */
  readonly at: string
}

type Caller = Pick<CloudStack, 'call'>

export const description = 'Bridgekeeper: an event here starts a snapshot'

/** One deployment has one for each of its clouds. */
export const nameOf = (cloud: string): string => `bridgekeeper-${cloud}`

/** What it is to be; `secret` and the address are of the deployment. */
export interface WantedWebhook {
  /** As a URL is written in full: `http:` or `https:` in small letters. */
  readonly url: string
  readonly secret: string
}

export interface FoundWebhooks {
  readonly ours?: ListedWebhook
  /** Of our name and not ours: it is left alone, and nothing of that name is made beside it. */
  readonly anothers?: ListedWebhook
}

/** @throws CloudStackError */
export async function findWebhook(cloudstack: Caller, cloud: string): Promise<FoundWebhooks> {
  const name = nameOf(cloud)
  const { webhook = [] } = await cloudstack.call('listWebhooks', { name, listall: 'true' }, listed)
  const named = webhook.filter((one) => one.name === name)
  const [ours, anothers] = [
    named.find((one) => one.description === description),
    named.find((one) => one.description !== description),
  ]
  return { ...(ours === undefined ? {} : { ours }), ...(anothers === undefined ? {} : { anothers }) }
}

/** All accounts' events, which a root admin may have: networks belong to anybody. */
const scope = 'Global'

/** Where nothing is encrypted there is no certificate, and a server that is asked to verify it refuses the whole webhook. */
const verifies = ({ url }: WantedWebhook): boolean => url.startsWith('https:')

const settingsOf = (wanted: WantedWebhook) => ({
  payloadurl: wanted.url,
  secretkey: wanted.secret,
  sslverification: String(verifies(wanted)),
  scope,
  state: 'Enabled',
})

/** Whether nothing would be changed. Pure. */
export const isAsWanted = (found: ListedWebhook, wanted: WantedWebhook): boolean =>
  found.payloadurl === wanted.url &&
  found.secretkey === wanted.secret &&
  found.state === 'Enabled' &&
  found.sslverification === verifies(wanted) &&
  found.scope === scope

/** @throws CloudStackError */
export async function makeWebhook(cloudstack: Caller, cloud: string, wanted: WantedWebhook): Promise<void> {
  await cloudstack.call('createWebhook', { name: nameOf(cloud), description, ...settingsOf(wanted) }, z.unknown())
}

/** @throws CloudStackError */
export async function changeWebhook(cloudstack: Caller, id: string, wanted: WantedWebhook): Promise<void> {
  await cloudstack.call('updateWebhook', { id, ...settingsOf(wanted) }, z.unknown())
}

/** @throws CloudStackError */
export async function removeWebhook(cloudstack: Caller, id: string): Promise<void> {
  await cloudstack.call('deleteWebhook', { id }, z.unknown())
}

/** The server keeps the last ten. @throws CloudStackError */
export async function readDeliveries(cloudstack: Caller, id: string): Promise<readonly WebhookDelivery[]> {
  const parameters = { webhookid: id, page: '1', pagesize: '10' }
  const { webhookdelivery = [] } = await cloudstack.call('listWebhookDeliveries', parameters, deliveriesShape)
  return webhookdelivery.map(({ eventtype = 'unknown', success, response = '', startdate = '' }) => ({
    event: eventtype,
    success,
    response: response.slice(0, 200),
    at: startdate,
  }))
}
