/**
 * A tick in which nothing changed, without its waiting: the pure part (shared/reconcile: from facts and records to "nobody
 * is due"), and the schemas that answers and records pass through before it; each against JSON.parse of the same answers.
 * In: a size. Out: medians. Answers are what the CloudStack simulator would send, records what the store would hold.
 */
import { createCloud } from '../../infra/local/cloudstackSimulator/cloud.ts'
import * as rows from '../../infra/local/cloudstackSimulator/rows.ts'
import { offerings, seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { hostRow, networkRow, offeringRow, pageOf } from '../../shared/cloudstack/answers.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import { candidates } from '../../shared/reconcile/candidates.ts'
import { desiredSets } from '../../shared/reconcile/desired.ts'
import type { CloudFacts, HostFact } from '../../shared/reconcile/model.ts'
import type { HostRecord } from '../../shared/reconcile/record.ts'
import { encodeRevision } from '../../shared/reconcile/revision.ts'
import { select } from '../../shared/reconcile/select.ts'
import { transitions } from '../../shared/reconcile/transitions.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { hostKey, itemVersion, readHost } from '../../shared/store/items.ts'
import type { Item } from '../../shared/store/store.ts'
import { type Measurement, median, rounded, timed } from './measurement.ts'

export interface TickSize {
  readonly hosts: number
  readonly networks: number
  readonly pairs: number
}

const pageSize = 500
const policy = policyOf(parseConfiguration({}))
const hostPage = pageOf('host', hostRow)
const networkPage = pageOf('network', networkRow)
const offeringPage = pageOf('networkoffering', offeringRow)

/** @throws Error when a host is due or a network is lost: then something else was measured. */
export async function measureTick(size: TickSize): Promise<readonly Measurement[]> {
  const answers = answersOf(size)
  const facts = factsOf(answers)
  const set = desiredSets(facts, hostsOf(answers))[0]
  const { revision } = encodeRevision(set ?? { networks: [], labels: [] })
  const items = hostsOf(answers).map((host) => itemOf(host, revision))
  const texts = Object.values(answers)
    .flat()
    .map((answer) => JSON.stringify(answer))

  const rounds: Record<'baseline' | 'schemas' | 'pure', number>[] = []
  for (let pair = 0; pair < size.pairs; pair++) {
    const baseline = await timed(() => texts.map((text) => JSON.parse(text)))
    const schemas = await timed(() => parsed(answers, items))
    const { hosts, facts: networks, records } = parsed(answers, items)
    rounds.push({ baseline, schemas, pure: await timed(() => quietTick(hosts, networks, records, size)) })
  }
  const against = (name: string, part: 'pure' | 'schemas'): Measurement => ({
    name: `${name} of a quiet tick, ${size.hosts} hosts x ${size.networks} networks, against JSON.parse of its answers`,
    value: rounded(median(rounds.map((one) => one[part]))),
    unit: 'ms',
    baseline: rounded(median(rounds.map(({ baseline }) => baseline))),
    ratio: rounded(median(rounds.map((one) => one[part] / one.baseline))),
  })
  return [against('pure part', 'pure'), against('schemas of answers and records', 'schemas')]
}

const parsed = (answers: Answers, items: readonly Item[]) => ({
  hosts: hostsOf(answers),
  facts: factsOf(answers),
  records: items.map(readHost).filter((record) => record !== undefined),
})

interface Answers {
  readonly hosts: readonly unknown[]
  readonly networks: readonly unknown[]
  readonly offerings: readonly unknown[]
}

function quietTick(
  hosts: readonly HostFact[],
  facts: CloudFacts,
  records: readonly HostRecord[],
  size: TickSize,
): void {
  const [set] = desiredSets(facts, hosts)
  if (set?.networks.length !== size.networks) throw new Error('the bench lost a network')
  const { revision } = encodeRevision(set)
  const byId = new Map(records.map((record) => [record.id, record]))
  if (hosts.some((host) => transitions(byId.get(host.id), host).length > 0)) throw new Error('the bench saw an edge')
  const revisions = new Map([['KVM', revision]])
  const due = select(candidates(records, revisions, policy, policy, now), policy, 2, now)
  if (due.length > 0) throw new Error(`${due.length} hosts are due in a bench of a quiet tick`)
}

const now = 1_800_000_000_000

const hostsOf = ({ hosts }: Answers): readonly HostFact[] => hosts.flatMap((page) => hostPage.parse(page).rows)

const factsOf = (answers: Answers): CloudFacts => ({
  zones: [],
  physicalNetworks: [{ id: physicalNetwork, name: 'guest', zone }],
  guestLabels: [{ physicalNetwork, labels: { KVM: 'cloudbr1' } }],
  offerings: answers.offerings.flatMap((page) => offeringPage.parse(page).rows),
  networks: answers.networks.flatMap((page) => networkPage.parse(page).rows),
})

let zone = ''
let physicalNetwork = ''

function answersOf({ hosts, networks }: TickSize): Answers {
  const seed = seedCloud([
    {
      name: 'zone',
      physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
      clusters: Array.from({ length: Math.ceil(hosts / 16) }, (_, cluster) => ({
        name: `cluster-${cluster}`,
        hosts: Array.from({ length: Math.min(16, hosts - cluster * 16) }, (_, host) => ({
          name: `kvm-${cluster}-${host}`,
          address: `10.${cluster >> 8}.${cluster & 255}.${host + 1}`,
        })),
      })),
      networks: Array.from({ length: networks }, (_, id) => ({ name: `network-${id}`, uri: `vlan://${id + 2}` })),
    },
  ])
  zone = seed.zones[0]?.id ?? ''
  physicalNetwork = seed.physicalNetworks.find(({ name }) => name === 'guest')?.id ?? ''
  const { cloud, state } = createCloud(seed)
  return {
    hosts: pages(
      'host',
      cloud.hosts().map((host) => rows.hostRow(state, host, 'min')),
    ),
    networks: pages(
      'network',
      cloud.networks().map((network) => rows.networkRow(state, network, true)),
    ),
    offerings: pages('networkoffering', offerings.map(rows.offeringRow)),
  }
}

const pages = (name: string, all: readonly unknown[]): readonly unknown[] =>
  Array.from({ length: Math.ceil(all.length / pageSize) }, (_, page) => ({
    count: all.length,
    [name]: all.slice(page * pageSize, (page + 1) * pageSize),
  }))

const itemOf = ({ id, zone: place, ...facts }: HostFact, revision: string): Item => ({
  ...hostKey('default', place, id),
  v: itemVersion,
  ...facts,
  tick: 1,
  wanted: 1,
  tried: 1,
  done: 1,
  queued: 1,
  queuedWhy: 'edge',
  ran: 1,
  settled: `${revision}:apply`,
  verifiedAt: now,
  verdict: 'InSync',
  devices: 2,
  created: 2,
  failures: 0,
})
