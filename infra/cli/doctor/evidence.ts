/**
 * What the checks of CloudStack are judged by: each question is asked once, whoever needs its answer, and none after it is
 * known that CloudStack does not answer, or not to this key. In: a client. Out: answers with the time they took, or why not.
 */
import { type About, readAbout, readAllowed } from '../../../shared/cloudstack/about.ts'
import type { CloudStack } from '../../../shared/cloudstack/client.ts'
import { CloudStackError, MalformedAnswer, RequestRefused } from '../../../shared/cloudstack/errors.ts'
import { type FoundWebhooks, findWebhook } from '../../../shared/cloudstack/webhooks.ts'
import type { CloudFacts, HostFact, NetworkFact } from '../../../shared/reconcile/model.ts'

export type Answer<T> =
  | { readonly value: T; readonly milliseconds: number }
  | { readonly failed: CloudStackError; readonly milliseconds: number }
  /** Not asked, since CloudStack or the key is of no use. */
  | { readonly blocked: true }

export interface Evidence {
  /** The first question of all: what this key may call. Every role that is any good may ask it. */
  readonly allowed: () => Promise<Answer<ReadonlySet<string>>>
  readonly about: () => Promise<Answer<About>>
  readonly hosts: () => Promise<Answer<readonly HostFact[]>>
  readonly events: () => Promise<Answer<unknown>>
  readonly facts: () => Promise<Answer<CloudFacts>>
  /** Any network with a broadcast URI, also one that is not persistent. Asked only where no persistent one has one. */
  readonly anyWithUri: () => Promise<Answer<NetworkFact | undefined>>
  /** Undefined where this key may not list them, as that of a deployment's should not: the answer has their secrets. */
  readonly webhook: () => Promise<Answer<FoundWebhooks | undefined>>
}

export type Asked = Pick<CloudStack, 'call' | 'listHosts' | 'listFacts' | 'changedSince' | 'networksOn'>

/** @param cloud by its name in the deployment, which its webhook is named by */
export function gather(cloudstack: Asked, cloud: string, now: () => number): Evidence {
  const ask = async <T>(question: () => Promise<T>): Promise<Answer<T>> => {
    const begun = now()
    try {
      const value = await question()
      return { value, milliseconds: now() - begun }
    } catch (error) {
      if (!(error instanceof CloudStackError)) throw error
      return { failed: error, milliseconds: now() - begun }
    }
  }
  const allowed = once(() => ask(() => readAllowed(cloudstack)))
  const unlessBlocked = <T>(question: () => Promise<T>) =>
    once(async (): Promise<Answer<T>> => (isUseless(await allowed()) ? { blocked: true } : ask(question)))
  const facts = unlessBlocked(() => cloudstack.listFacts())
  return {
    allowed,
    about: unlessBlocked(() => readAbout(cloudstack)),
    hosts: unlessBlocked(() => cloudstack.listHosts()),
    events: unlessBlocked(() => cloudstack.changedSince(undefined)),
    facts,
    anyWithUri: unlessBlocked(async () => {
      const known = await facts()
      return 'value' in known ? withUri(cloudstack, known.value) : undefined
    }),
    webhook: unlessBlocked(async () => {
      const known = await allowed()
      return 'value' in known && known.value.has('listWebhooks') ? findWebhook(cloudstack, cloud) : undefined
    }),
  }
}

/** A refusal by CloudStack's own words is an answer; only that of the key itself says that all others will be refused. */
export const isUseless = (answer: Answer<unknown>): boolean => !isReached(answer) || isKeyRefused(answer)

export const isReached = (answer: Answer<unknown>): boolean =>
  'value' in answer ||
  ('failed' in answer && (answer.failed instanceof RequestRefused || answer.failed instanceof MalformedAnswer))

export const isKeyRefused = (answer: Answer<unknown>): boolean => isRefused(answer, 401)

export const isRefused = (answer: Answer<unknown>, code: number): boolean =>
  'failed' in answer && answer.failed instanceof RequestRefused && answer.failed.code === code

/** At most so many physical networks are listed whole for it. */
const mostListed = 3

async function withUri(cloudstack: Asked, { physicalNetworks }: CloudFacts): Promise<NetworkFact | undefined> {
  for (const { zone, id } of physicalNetworks.slice(0, mostListed)) {
    const found = (await cloudstack.networksOn(zone, id)).find(({ broadcastUri }) => broadcastUri !== undefined)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whatever is asked again gets the same answer. */
export function once<T>(question: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined
  return () => {
    asked ??= question()
    return asked
  }
}
