/**
 * `bridgekeeper webhook install`, `status`, `remove`: CloudStack's webhook that starts snapshots. In: options, a client, where the secret
 * is kept. Out: on stdout what there is; exit code 0, or 2 where it is not installed, or not as it should be. What is not ours is
 * never changed; with --dry-run nothing is.
 */
import { readAbout, readAllowed } from '../../shared/cloudstack/about.ts'
import { capabilitiesOf, features } from '../../shared/cloudstack/capabilities.ts'
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import {
  changeWebhook,
  type FoundWebhooks,
  findWebhook,
  isAsWanted,
  type ListedWebhook,
  makeWebhook,
  nameOf,
  readDeliveries,
  removeWebhook,
  type WebhookDelivery,
} from '../../shared/cloudstack/webhooks.ts'
import { newSecret, type SecretKeeper } from '../../shared/webhook/secret.ts'
import type { Output } from './output.ts'
import { oneLine, printableJson } from './printable.ts'
import { UsageError } from './selectors.ts'

export interface WebhookOptions {
  readonly url?: string
  readonly newSecret?: boolean
  readonly dryRun?: boolean
  readonly output: 'table' | 'json'
}

export interface WebhookParts {
  readonly cloud: string
  readonly cloudstack: Pick<CloudStack, 'call'>
  readonly keeper: SecretKeeper
}

type Done =
  | 'nothing'
  | 'installed'
  | 'changed'
  | 'removed'
  | 'would be installed'
  | 'would be changed'
  | 'would be removed'

/** @throws UsageError, CloudStackError, SecretUnusable, and what AWS throws */
export async function webhookCommand(
  what: 'install' | 'status' | 'remove',
  options: WebhookOptions,
  parts: WebhookParts,
  output: Output,
): Promise<number> {
  await demandWebhooks(parts.cloudstack)
  const found = await findWebhook(parts.cloudstack, parts.cloud)
  const done = await acts[what](options, parts, found)
  const isDry = done.startsWith('would')
  const after = done === 'nothing' || isDry ? found : await findWebhook(parts.cloudstack, parts.cloud)
  const deliveries =
    what === 'status' && after.ours !== undefined ? await readDeliveries(parts.cloudstack, after.ours.id) : []
  const secret = await parts.keeper.read()
  const isSigned = after.ours !== undefined && secret !== undefined && after.ours.secretkey === secret
  const report = { parts, found: after, done, deliveries, isSigned }
  output.print(options.output === 'json' ? printableJson(jsonOf(report)) : textOf(report))
  if (what === 'remove') return after.ours === undefined || isDry ? 0 : 2
  return isDry || (isSigned && after.ours?.state === 'Enabled') ? 0 : 2
}

const acts = {
  status: async (): Promise<Done> => 'nothing',
  install: async (
    { url, newSecret: renew = false, dryRun = false }: WebhookOptions,
    { cloudstack, cloud, keeper }: WebhookParts,
    { ours, anothers }: FoundWebhooks,
  ): Promise<Done> => {
    if (ours === undefined && anothers !== undefined)
      throw new UsageError(`there is a webhook ${nameOf(cloud)} that Bridgekeeper did not make: it is left as it is.`)
    const address = checkedUrl(url ?? ours?.payloadurl)
    const kept = renew ? undefined : await keeper.read()
    const wanted = { url: address, secret: kept ?? newSecret() }
    if (ours !== undefined && isAsWanted(ours, wanted)) return 'nothing'
    if (dryRun) return ours === undefined ? 'would be installed' : 'would be changed'
    // Before CloudStack signs with it, so that no event is refused; the function reads it anew where a signature does not fit.
    if (kept === undefined) await keeper.write(wanted.secret)
    if (ours === undefined) await makeWebhook(cloudstack, cloud, wanted)
    else await changeWebhook(cloudstack, ours.id, wanted)
    return ours === undefined ? 'installed' : 'changed'
  },
  remove: async (
    { dryRun = false }: WebhookOptions,
    { cloudstack }: WebhookParts,
    { ours }: FoundWebhooks,
  ): Promise<Done> => {
    if (ours === undefined) return 'nothing'
    if (dryRun) return 'would be removed'
    await removeWebhook(cloudstack, ours.id)
    return 'removed'
  },
} as const

async function demandWebhooks(cloudstack: Pick<CloudStack, 'call'>): Promise<void> {
  const { version } = await readAbout(cloudstack)
  const { since, command, without } = features.webhooks
  const has = capabilitiesOf(version, await readAllowed(cloudstack)).has('webhooks')
  if (has === 'yes') return
  throw new UsageError(
    has === 'no'
      ? `CloudStack has webhooks from ${since} on, and this is ${oneLine(version)}: ${without}.`
      : `listApis names no ${command}: the server has webhooks switched off, or this key may not make one: ask with the key of an administrator.`,
  )
}

function checkedUrl(url: string | undefined): string {
  if (url === undefined)
    throw new UsageError('--url is missing: the address of the function webhook (docs/webhook.md).')
  const parsed = URL.parse(url)
  const isWeb = parsed !== null && /^https?:$/.test(parsed.protocol)
  if (isWeb && parsed.username === '' && parsed.password === '') return parsed.href
  throw new UsageError(`--url ${JSON.stringify(url.slice(0, 200))} is not an http or https address without a password.`)
}

interface Report {
  readonly parts: WebhookParts
  readonly found: FoundWebhooks
  readonly done: Done
  readonly deliveries: readonly WebhookDelivery[]
  readonly isSigned: boolean
}

/** Without the secret, which listWebhooks answers. */
const shown = ({ id, name, payloadurl, state, scope, sslverification }: ListedWebhook) => ({
  ...{ id, name, url: payloadurl, state, scope: scope ?? null, verifiesCertificate: sslverification ?? null },
})

const jsonOf = ({ parts, found, done, deliveries, isSigned }: Report) => ({
  version: 1,
  cloud: parts.cloud,
  done,
  webhook: found.ours === undefined ? null : shown(found.ours),
  secret: { place: parts.keeper.place, isCloudStacks: isSigned },
  deliveries,
})

function textOf({ parts, found: { ours, anothers }, done, deliveries, isSigned }: Report): string {
  const name = nameOf(parts.cloud)
  const title = done === 'nothing' ? '' : `The webhook ${name} ${done.startsWith('would') ? done : `was ${done}`}.`
  if (ours === undefined) {
    const other = anothers === undefined ? '' : ', and one of that name which Bridgekeeper did not make is left alone'
    return [title, done === 'nothing' ? `There is no webhook ${name}${other}.` : ''].filter(Boolean).join('\n')
  }
  const secret = isSigned
    ? `kept in ${parts.keeper.place}, and CloudStack has the same`
    : `CloudStack's differs from what is kept in ${parts.keeper.place}, so its events are refused: "bridgekeeper webhook install" puts that right`
  const insecure = ours.payloadurl.startsWith('http:') ? '   (not encrypted: whoever is between reads the events)' : ''
  return [
    title,
    `webhook     ${oneLine(ours.name)}, ${oneLine(ours.state)}, scope ${oneLine(ours.scope ?? 'unknown')}`,
    `address     ${oneLine(ours.payloadurl)}${insecure}`,
    `secret      ${secret}`,
    'tells of    networks, and maintenance that is cancelled; hosts that come back are found by the schedule alone',
    ...deliveries.map(
      ({ at, event, success, response }) =>
        `delivered   ${oneLine(at)}  ${oneLine(event)}  ${success ? 'ok' : 'FAILED'}  ${oneLine(response.trim())}`,
    ),
  ]
    .filter(Boolean)
    .join('\n')
}
