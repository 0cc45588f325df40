/**
 * Webhooks, as servers from 4.20 on have them (apache/cloudstack: CreateWebhookCmd, WebhookApiServiceImpl, WebhookDeliveryThread): the
 * commands, and deliveries of action events. In: parameters, or an event. Out: an answer, or up to three signed POSTs, any answer but
 * 200 being a failure. Scopes are kept and not heeded: there is one account that anything belongs to. A real server refuses a loopback
 * or IPv6 address and a name that it cannot resolve, and this one takes them.
 */
import { createHmac } from 'node:crypto'
import type { CommandContext } from './commands.ts'
import { type Answer, type Parameters, pageOf } from './listing.ts'
import type { Event } from './model.ts'
import { invalid, Refusal, unknownId } from './refusal.ts'
import { instant } from './rows.ts'
import { uuidOf } from './seed.ts'
import { type CloudState, inBackground } from './state.ts'

export interface Webhook {
  readonly id: string
  readonly name: string
  readonly description: string | undefined
  readonly payloadUrl: string
  readonly secretKey: string | undefined
  readonly sslVerification: boolean
  readonly scope: string
  readonly state: 'Enabled' | 'Disabled'
  readonly created: number
}

export interface Delivery {
  readonly id: string
  readonly webhook: string
  readonly eventType: string
  readonly payload: string
  readonly success: boolean
  readonly response: string
  readonly started: number
  readonly ended: number
}

const tries = 3
const timeoutMs = 10_000
const keptDeliveries = 10

export function createWebhook({ state }: CommandContext, parameters: Parameters): Answer {
  const [name = '', payloadUrl = ''] = [parameters.get('name'), urlOf(parameters)]
  const scope = parameters.get('scope') ?? 'Local'
  if (!['Local', 'Domain', 'Global'].includes(scope)) throw refused('Invalid scope specified')
  const sslVerification = parameters.get('sslverification') === 'true'
  refuseSecondUse(state, payloadUrl, undefined)
  refuseVerification(payloadUrl, sslVerification)
  const webhook: Webhook = {
    id: uuidOf('webhook', `${state.webhooks.size}`, name),
    name,
    description: parameters.get('description'),
    payloadUrl,
    secretKey: parameters.get('secretkey'),
    sslVerification,
    scope,
    state: stateOf('createWebhook', parameters) ?? 'Enabled',
    created: state.options.now(),
  }
  state.webhooks.set(webhook.id, webhook)
  return { webhook: row(webhook) }
}

export function updateWebhook({ state }: CommandContext, parameters: Parameters): Answer {
  const known = webhookOf(state, 'updateWebhook', parameters)
  const url = parameters.has('payloadurl') ? urlOf(parameters) : known.payloadUrl
  refuseSecondUse(state, url, known.id)
  refuseVerification(url, parameters.get('sslverification') === 'true')
  const changed: Webhook = {
    ...known,
    name: parameters.get('name') ?? known.name,
    description: parameters.get('description') ?? known.description,
    payloadUrl: url,
    secretKey: parameters.get('secretkey') ?? known.secretKey,
    sslVerification: (parameters.get('sslverification') ?? `${known.sslVerification}`) === 'true',
    scope: parameters.get('scope') ?? known.scope,
    state: stateOf('updateWebhook', parameters) ?? known.state,
  }
  state.webhooks.set(known.id, changed)
  return { webhook: row(changed) }
}

export function deleteWebhook({ state }: CommandContext, parameters: Parameters): Answer {
  state.webhooks.delete(webhookOf(state, 'deleteWebhook', parameters).id)
  return { success: true }
}

export function listWebhooks({ state }: CommandContext, parameters: Parameters): Answer {
  const [id, name] = [parameters.get('id'), parameters.get('name')]
  const rows = [...state.webhooks.values()].filter(
    (one) => (id === undefined || one.id === id) && (name === undefined || one.name === name),
  )
  return pageOf({ command: 'listWebhooks', name: 'webhook', rows, render: row }, parameters)
}

/** Newest first. */
export function listWebhookDeliveries({ state }: CommandContext, parameters: Parameters): Answer {
  const webhook = parameters.get('webhookid')
  const rows = state.deliveries.filter((one) => webhook === undefined || one.webhook === webhook).toReversed()
  const render = ({ id, eventType, webhook: webhookid, payload, success, response, started, ended }: Delivery) => ({
    ...{ id, eventtype: eventType, webhookid, payload, success, response },
    ...{ startdate: instant(started), enddate: instant(ended) },
  })
  return pageOf({ command: 'listWebhookDeliveries', name: 'webhookdelivery', rows, render }, parameters)
}

/** To each webhook that is Enabled; nobody waits for it. */
export function deliver(state: CloudState, event: Event): void {
  for (const webhook of state.webhooks.values())
    if (webhook.state === 'Enabled') inBackground(state, () => deliverTo(state, webhook, event))
}

async function deliverTo(state: CloudState, webhook: Webhook, event: Event): Promise<void> {
  const payload = JSON.stringify({
    eventDateTime: instant(event.created),
    entityuuid: event.resourceId,
    description: event.description,
    event: event.type,
    account: uuidOf('account', event.account),
    entity: event.resourceType,
    status: event.state,
  })
  const headers: Record<string, string> = {
    'Content-Type': 'application/json; charset=UTF-8',
    'User-Agent': `CS-Hookshot/${uuidOf('account', event.account)}`,
    'X-CS-Event-ID': event.id,
    'X-CS-Event': event.type,
  }
  const { secretKey } = webhook
  if (secretKey !== undefined)
    headers['X-CS-Signature'] = createHmac('sha256', secretKey).update(payload).digest('base64')
  let [success, response, started] = [false, '', 0]
  for (let attempt = 0; attempt < tries && !success; attempt++) {
    started = state.options.now()
    try {
      const signal = AbortSignal.timeout(timeoutMs)
      const answer = await fetch(webhook.payloadUrl, { method: 'POST', body: payload, headers, signal })
      response = await answer.text()
      success = answer.status === 200
    } catch (error) {
      response = `Failed due to : ${String(error)}`
    }
  }
  const id = uuidOf('delivery', webhook.id, event.id)
  const delivered = { id, webhook: webhook.id, eventType: event.type, payload, success, response, started }
  state.deliveries.push({ ...delivered, ended: state.options.now() })
  if (state.deliveries.length > keptDeliveries) state.deliveries.shift()
}

const urlOf = (parameters: Parameters): string => {
  const url = parameters.get('payloadurl') ?? ''
  return /^https?:\/\//.test(url) ? url : `http://${url}`
}

function stateOf(command: string, parameters: Parameters): Webhook['state'] | undefined {
  const state = parameters.get('state')
  if (state === undefined || state === 'Enabled' || state === 'Disabled') return state
  throw invalid(command, 'state', state)
}

function refuseSecondUse(state: CloudState, url: string, except: string | undefined): void {
  const other = [...state.webhooks.values()].find((one) => one.payloadUrl === url && one.id !== except)
  if (other !== undefined) throw refused(`Payload URL: ${url} is already in use by another webhook`)
}

function refuseVerification(url: string, asked: boolean): void {
  if (asked && !url.startsWith('https:')) throw refused(`SSL verification can be specified only for HTTPS URLs, ${url}`)
}

/** What the server's own code finds wrong with a parameter. */
const refused = (text: string): Refusal => new Refusal(431, text, 4350)

function webhookOf(state: CloudState, command: string, parameters: Parameters): Webhook {
  const id = parameters.get('id') ?? ''
  const webhook = state.webhooks.get(id)
  if (webhook === undefined) throw unknownId(command, 'id', id)
  return webhook
}

const row = (webhook: Webhook): Answer => ({
  id: webhook.id,
  name: webhook.name,
  description: webhook.description,
  state: webhook.state,
  account: 'admin',
  payloadurl: webhook.payloadUrl,
  secretkey: webhook.secretKey,
  sslverification: webhook.sslVerification,
  scope: webhook.scope,
  created: instant(webhook.created),
})
