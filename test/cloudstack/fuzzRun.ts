/**
 * One whole tick in which one answer of the captured cloud arrives changed. In: a seed. Out: nothing, or what went against the
 * rules below. The same seed gives the same change.
 *
 * - whatever comes, the tick ends: with a report, or with one of errors.ts as its failure; never with anything else
 * - a tick that failed, or could not read the networks, leaves the desired sets, tombstones and (failed) hosts as they were
 * - what says the same leaves everything as it was; rows lost without their count are never taken for a listing
 * - no network leaves the desired sets, and no host the records, beyond what the guard allows of a complete listing (DESIGN 5): at
 *   most max(3, 20 %), never all; and a network that leaves has its tombstone
 */
import { type CloudStack, createCloudStack } from '../../shared/cloudstack/client.ts'
import { CloudStackError } from '../../shared/cloudstack/errors.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import { createSharedGate } from '../../shared/flow/sharedGate.ts'
import { snapshot } from '../../shared/flow/snapshot.ts'
import { networkKey } from '../../shared/reconcile/absence.ts'
import { decodeRevision } from '../../shared/reconcile/revision.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import {
  controlKey,
  pointerKey,
  readControl,
  readHost,
  readPointer,
  readRevision,
  readTombstone,
  revisionKey,
  zonePartition,
} from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Item, Store } from '../../shared/store/store.ts'
import { createMemoryQueues } from '../simulation/memoryQueues.ts'
import { createRandom } from '../simulation/random.ts'
import { capturedCloud, type Told } from './capturedCloud.ts'
import { type Mutated, mutate } from './mutations.ts'

const policy = policyOf(parseConfiguration({ BRIDGEKEEPER_LIST_SECONDS: '1', BRIDGEKEEPER_CLOUDSTACK_RATE: '1000' }))
const { cloud } = policy
const epoch = Date.UTC(2026, 10, 22, 20)
const keys = { url: 'http://captured.invalid/client/api', apiKey: 'k', secretKey: 's' }

interface Ended {
  readonly report: object
  /** What the client threw. */
  readonly thrown: readonly unknown[]
}

async function tick(store: Store, at: number, told: (question: string, text: string) => Told): Promise<Ended> {
  let now = at
  const sleep = async (milliseconds: number): Promise<void> => {
    now += milliseconds
  }
  const queues = createMemoryQueues(
    () => now,
    () => ({ visibilityMilliseconds: 60_000 }),
  )
  const ports = { store, queues, logger: silent, now: () => now, random: () => 0.5, newId: () => 'me' }
  const gate = createSharedGate({ ...ports, cloud, rate: policy.rate, sleep })
  const client = createCloudStack({ ...keys, gate, now: () => now, sleep, http: capturedCloud(told) })
  const thrown: unknown[] = []
  const report = await snapshot(ports, watched(client, thrown), gate, policy, 120_000)
  return { report, thrown }
}

/** The same client, and what it throws is kept. */
function watched(client: CloudStack, thrown: unknown[]): CloudStack {
  const keep = (error: unknown): never => {
    thrown.push(error)
    throw error
  }
  return {
    ...client,
    listHosts: () => client.listHosts().catch(keep),
    listFacts: () => client.listFacts().catch(keep),
    changedSince: (cursor) => client.changedSince(cursor).catch(keep),
  }
}

const honest = (_question: string, text: string): Told => ({ status: 200, body: Buffer.from(text) })

interface Good {
  readonly items: readonly Item[]
  readonly zones: readonly string[]
  readonly questions: readonly string[]
  readonly state: State
}

/** After one honest tick. */
export async function goodTick(): Promise<Good> {
  const store = createMemoryStore()
  const questions = new Set<string>()
  await tick(store, epoch, (question, text) => {
    questions.add(question)
    return honest(question, text)
  })
  const control = await store.get(controlKey(cloud))
  const zones = readControl(control)?.zones.map(({ id }) => id) ?? []
  const items = [...(await itemsOf(store, zones)), ...(control === undefined ? [] : [control])]
  return { items, zones, questions: [...questions], state: await stateOf(store, zones) }
}

const itemsOf = async (store: Store, zones: readonly string[]): Promise<readonly Item[]> =>
  (await Promise.all(zones.map((zone) => store.list(zonePartition(cloud, zone), '')))).flat()

interface State {
  /** networkKey of each network in force. */
  readonly networks: ReadonlySet<string>
  readonly tombstones: ReadonlySet<string>
  readonly hosts: ReadonlySet<string>
  /** Revisions and tombstones; host records apart. */
  readonly desired: string
  readonly records: string
}

async function stateOf(store: Store, zones: readonly string[]): Promise<State> {
  const networks = new Set<string>()
  const tombstones = new Set<string>()
  const hosts = new Set<string>()
  const desired: unknown[] = []
  const records: unknown[] = []
  for (const zone of zones) {
    for (const item of await store.list(zonePartition(cloud, zone), '')) {
      const [kind, name = ''] = [item.sk.slice(0, 2), item.sk.slice(2)]
      if (kind === 'H#') {
        const record = readHost(item)
        records.push([record?.id, record?.state, record?.resourceState, record?.address, record?.wanted])
        if (record?.state !== 'Removed') hosts.add(`${zone} ${name}`)
      } else if (kind === 'T#') {
        const grave = readTombstone(item)
        if (grave !== undefined) tombstones.add(networkKey(zone, grave))
        desired.push(item.sk)
      } else if (kind === 'D#') {
        const revision = readPointer(await store.get(pointerKey(cloud, zone, name)))?.revision ?? ''
        const { body } = readRevision(await store.get(revisionKey(cloud, zone, name, revision))) ?? {}
        if (body === undefined) throw new Error(`${zone}: the pointer of ${name} names no revision`)
        for (const network of decodeRevision({ revision, body }).networks) networks.add(networkKey(zone, network))
        desired.push([item.sk, revision])
      }
    }
  }
  return { networks, tombstones, hosts, desired: JSON.stringify(desired), records: JSON.stringify(records) }
}

async function copyOf(items: readonly Item[]): Promise<Store> {
  const store = createMemoryStore()
  for (const { pk, sk, ...set } of items) await store.update({ key: { pk, sk }, set })
  return store
}

const bearable = (known: number): number => Math.max(3, Math.floor((known * policy.guardPercent) / 100))

/** @returns what was broken, in words; undefined if all held */
export async function fuzzOne(good: Good, seed: string): Promise<string | undefined> {
  const random = createRandom(seed)
  const commands = [...new Set(good.questions.map((question) => question.split(' ')[0]))]
  const command = random.pick(commands) ?? ''
  const target = random.pick(good.questions.filter((question) => question.split(' ')[0] === command)) ?? ''
  let mutated: Mutated | undefined
  const store = await copyOf(good.items)
  let ended: Ended
  try {
    ended = await tick(store, epoch + 60_000, (question, text) => {
      if (question !== target) return honest(question, text)
      mutated ??= mutate(text, random)
      return mutated
    })
  } catch (error) {
    return `the tick threw ${String(error)}`
  }
  const after = await stateOf(store, good.zones)
  const control = readControl(await store.get(controlKey(cloud)))
  const broken = judge(good.state, after, ended, control?.failure, mutated?.expected ?? 'harmless', command)
  return broken === undefined ? undefined : `${broken} (${target}: ${JSON.stringify(ended.report)})`
}

function judge(
  before: State,
  after: State,
  { report, thrown }: Ended,
  unread: string | undefined,
  expected: Mutated['expected'],
  command: string,
): string | undefined {
  const failed = 'failed' in report ? report.failed : unread
  if (thrown.some((error) => !(error instanceof CloudStackError))) return `an error of no kind: ${String(thrown)}`
  if (
    failed !== undefined &&
    !thrown.some((error) => error instanceof Error && String(failed).endsWith(error.message))
  ) {
    return `a failure that is no typed error: ${String(failed)}`
  }
  if (failed !== undefined && after.desired !== before.desired) return 'it failed, and changed a desired set'
  if ('failed' in report && after.records !== before.records) return 'it failed, and changed a host'
  if (
    expected === 'harmless' &&
    (failed !== undefined || after.desired !== before.desired || after.records !== before.records)
  ) {
    return `what says the same is taken otherwise: ${String(failed)}`
  }
  if (expected === 'incomplete' && command !== 'listEvents' && failed === undefined)
    return 'a listing with lost rows is believed'
  return (
    judgeLost('networks', before.networks, after.networks) ??
    judgeLost('hosts', before.hosts, after.hosts) ??
    graves(before, after)
  )
}

function judgeLost(what: string, before: ReadonlySet<string>, after: ReadonlySet<string>): string | undefined {
  const lost = [...before].filter((key) => !after.has(key)).length
  if (lost > bearable(before.size)) return `${lost} of ${before.size} ${what} are lost at once`
  return lost > 0 && lost === before.size ? `all ${what} are lost` : undefined
}

const graves = (before: State, after: State): string | undefined =>
  [...before.networks].some((key) => !after.networks.has(key) && !after.tombstones.has(key))
    ? 'a network is lost without a tombstone'
    : undefined
