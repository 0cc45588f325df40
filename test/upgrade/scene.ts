/**
 * A deployment in the middle of its life: hosts in sync, in conflict, without a key, out of reach; a hold, a tombstone, history; jobs on their way,
 * a pause, and an edge that nobody has served. In: nothing. Out: the world around it, and what such a deployment leaves in its table and queues.
 * It is led by the code beside it: by a release's, to be recorded (record.ts), and by today's, so that the world is as it was then.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AttributeValue, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { type EmbeddedCloud, startEmbeddedCloud } from '../../infra/local/cloud/cloud.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import {
  type SimulatedHost,
  type SimulatedHosts,
  startHostSimulator,
} from '../../infra/local/hostSimulator/hostSimulator.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { importHostKeys } from '../../shared/flow/hostKeys.ts'
import { pause } from '../../shared/flow/pause.ts'
import type { Message, QueueName } from '../../shared/queue/queues.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Overrides } from '../../shared/runtime/ports.ts'
import { createRuntime } from '../../shared/runtime/runtime.ts'

export interface World {
  /** Milliseconds since the epoch, for everybody in it. */
  clock: number
  readonly hosts: SimulatedHosts
  readonly cloudstack: CloudStackSimulator
  readonly settings: Readonly<Record<string, string>>
  host(name: string): SimulatedHost
  stop(): Promise<void>
}

export interface Sent {
  readonly queue: QueueName
  readonly message: Message
}

/** What a deployment leaves behind. */
export interface Left {
  readonly items: readonly Record<string, AttributeValue>[]
  readonly sent: readonly Sent[]
}

const names = ['kvm1', 'kvm2', 'kvm3', 'kvm4', 'kvm5', 'kvm6', 'kvm7', 'kvm8', 'kvm9', 'kvm10']
const vlans = [100, 101, 102, 103, 104, 105]
const act = { by: 'operator@desk', why: 'upgrade' }

export async function startWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'upgrade-'))
  const hosts = await startHostSimulator({ names })
  const places = hosts.hosts.map(({ name, address }) => ({ name, address }))
  const zone = (name: string, cluster: string, of: typeof places, ids: readonly number[]) => ({
    name,
    physicalNetworks: [{ name: `guest-${name}`, labels: { KVM: 'cloudbr1' } }],
    clusters: [{ name: cluster, hosts: of }],
    networks: ids.map((id) => ({ name: `n${id}`, uri: `vlan://${id}` })),
  })
  const seed = seedCloud([
    zone('zone-1', 'c1', places.slice(0, 6), vlans),
    zone('zone-2', 'c2', places.slice(6), [200]),
  ])
  const world = { clock: Date.UTC(2026, 0, 1) }
  const cloudstack = await startCloudStackSimulator({ seed, now: () => world.clock })
  writeFileSync(join(folder, 'key'), hosts.privateKey, { mode: 0o600 })
  return Object.assign(world, {
    hosts,
    cloudstack,
    settings: {
      CLOUDSTACK_API_URL: cloudstack.url,
      CLOUDSTACK_API_KEY: cloudstack.apiKey,
      CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
      BRIDGEKEEPER_CLOUDSTACK_RATE: '1000',
      BRIDGEKEEPER_CLOUDSTACK_BURST: '10000',
      BRIDGEKEEPER_SSH_PORT: String(hosts.port),
      BRIDGEKEEPER_SSH_KEY_FILE: join(folder, 'key'),
      BRIDGEKEEPER_LIST_SECONDS: '1',
      BRIDGEKEEPER_ROLLOUT_PERCENT: '100',
    },
    host: (name: string) => {
      const found = hosts.hosts.find((each) => each.name === name)
      if (found === undefined) throw new Error(`there is no host ${name}`)
      return found
    },
    stop: async () => {
      await cloudstack.stop()
      await hosts.close()
      rmSync(folder, { recursive: true })
    },
  })
}

/** The deployment of the code beside this, without a schedule and by the world's clock. */
export function deploy(world: World, data: string, more: Overrides = {}): Promise<EmbeddedCloud> {
  const sleep = async (milliseconds: number): Promise<void> => {
    world.clock += milliseconds
  }
  const now = (): number => world.clock
  const { url, apiKey, secretKey } = world.cloudstack
  const cloudstack: Overrides['cloudstack'] = (gate) => createCloudStack({ url, apiKey, secretKey, gate, now })
  const overrides = (): Overrides => ({ now, sleep, cloudstack, random: () => 0.5, ...more })
  return startEmbeddedCloud({ environment: world.settings, logger: silent, schedules: false, data, overrides })
}

export async function tick(world: World, cloud: EmbeddedCloud, seconds: number): Promise<void> {
  world.clock += seconds * 1000
  await cloud.invoke('snapshot', {})
  await cloud.idle()
}

/** The whole life, up to a pause before an upgrade. @param data an empty folder */
export async function lead(world: World, data: string): Promise<Left> {
  const before = await deploy(world, data)
  await untilTrouble(world, before)
  await before.stop()
  const sent: Sent[] = []
  const send = async (queue: QueueName, messages: readonly Message[]): Promise<void> =>
    void sent.push(...messages.map((message) => ({ queue, message })))
  const last = await deploy(world, data, { queues: { send } })
  await untilPaused(world, last, sent)
  const items = await itemsOf(last.environment)
  await last.stop()
  return { items, sent }
}

async function untilTrouble(world: World, cloud: EmbeddedCloud): Promise<void> {
  const { ports, policy } = createRuntime({ ...world.settings, ...cloud.environment }, silent, {
    now: () => world.clock,
  })
  const storage = world.host('kvm4')
  storage.addLink({ name: 'br-storage', kind: 'bridge', up: true })
  storage.addLink({ name: 'eth1.101', kind: 'vlan', parent: 'eth1', vlanId: 101, master: 'br-storage', up: true })
  for (const name of ['kvm8', 'kvm9', 'kvm10']) await world.host(name).takeDown()
  await tick(world, cloud, 1)
  const { address } = world.host('kvm6') // Nobody vouches for its key.
  const known = world.hosts.knownHosts().split('\n')
  await importHostKeys(ports, policy, known.filter((line) => !line.startsWith(`[${address}]`)).join('\n'), false, act)
  for (const seconds of [60, 60, 60, 60]) await tick(world, cloud, seconds)
  await world.cloudstack.cloud.deleteNetwork('n105')
  for (const seconds of [60, 60, 60]) await tick(world, cloud, seconds)
}

/** Nobody takes what is sent from here on. */
async function untilPaused(world: World, cloud: EmbeddedCloud, sent: readonly Sent[]): Promise<void> {
  const { ports, policy } = createRuntime({ ...world.settings, ...cloud.environment }, silent, {
    now: () => world.clock,
  })
  await cloud.invoke('backfill', { host: 'kvm1' })
  await comesBackEmpty(world, 'kvm2', () => tick(world, cloud, 60))
  for (const { queue, message } of [...sent]) {
    const attributes = { ApproximateReceiveCount: '1' }
    const event = { Records: [{ messageId: 'm', body: JSON.stringify(message.body), attributes }] }
    if (queue === 'diff') await cloud.invoke('diff', event)
  }
  await pause(ports, policy, undefined, act)
  await comesBackEmpty(world, 'kvm3', () => tick(world, cloud, 60))
}

/** A host that was switched off and on again between two looks. */
async function comesBackEmpty(world: World, name: string, look: () => Promise<void>): Promise<void> {
  world.cloudstack.cloud.disconnect(name)
  await look()
  await world.host(name).reboot()
  await world.cloudstack.cloud.connect(name)
  await look()
}

/** As DynamoDB has them, sorted. */
export async function itemsOf(environment: Readonly<Record<string, string>>): Promise<Left['items']> {
  const client = clientOf(environment)
  const { Items = [], LastEvaluatedKey } = await client.send(
    new ScanCommand({ TableName: environment.BRIDGEKEEPER_TABLE }),
  )
  client.destroy()
  if (LastEvaluatedKey !== undefined) throw new Error('more than a page of items: make the scene smaller')
  const place = ({ pk, sk }: Record<string, AttributeValue>): string => `${pk?.S} ${sk?.S}`
  return Items.toSorted((one, other) => (place(one) < place(other) ? -1 : 1))
}

export const clientOf = (environment: Readonly<Record<string, string>>): DynamoDBClient =>
  new DynamoDBClient({
    region: environment.AWS_REGION ?? '',
    endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB ?? '',
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    },
  })
