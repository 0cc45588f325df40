/**
 * A cloud whose management server can be made to answer anything: real HTTP in front of the simulator, the whole tick behind the
 * real client. Time is the world's own, and passes only while somebody waits. In: what answers instead. Out: ticks, and what is kept.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { standingText } from '../../infra/cli/standingText.ts'
import { summary } from '../../infra/cli/statusText.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { createCloudStack } from '../../shared/cloudstack/client.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import { readDesired, readHosts } from '../../shared/flow/read.ts'
import { createSharedGate } from '../../shared/flow/sharedGate.ts'
import { type SnapshotReport, snapshot } from '../../shared/flow/snapshot.ts'
import { readStanding } from '../../shared/flow/standing.ts'
import { readStatus } from '../../shared/flow/status.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { cloudPartition, zonePartition } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { createMemoryQueues } from '../simulation/memoryQueues.ts'

/** One request, read whole, and what the simulator would answer. */
export interface Asked {
  readonly command: string
  readonly response: ServerResponse
  readonly socket: Socket
  /** The simulator's own answer. */
  readonly honest: () => Promise<{ readonly status: number; readonly text: string }>
}

/** @returns whether it answered; otherwise the simulator does */
export type Misbehaviour = (asked: Asked) => boolean | Promise<boolean>

const seed = seedCloud([
  {
    name: 'zone1',
    physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' }, vlans: '100-999' }],
    clusters: [{ name: 'c1', hosts: [1, 2, 3, 4, 5].map((n) => ({ name: `kvm${n}`, address: `192.0.2.${n}` })) }],
    networks: [100, 101, 102, 103, 104, 105].map((vlan) => ({ name: `büro ${vlan}`, uri: `vlan://${vlan}` })),
  },
])

export interface HostileWorld {
  /** The API's address, and the keys. */
  readonly url: string
  readonly apiKey: string
  readonly secretKey: string
  readonly simulator: Awaited<ReturnType<typeof startCloudStackSimulator>>
  readonly ports: Ports
  /** Milliseconds since the epoch; only moves on. */
  readonly clock: { at: number }
  misbehave: Misbehaviour
  /** Real milliseconds that the client waits for an answer. */
  patience: number
  /** Connections that the server has seen. */
  connections(): number
  /** A tick at the next minute, and how long it took in real milliseconds. */
  tick(): Promise<{ readonly report: SnapshotReport; readonly took: number }>
  /** What is in force: desired sets and tombstones, and host records if told; nothing of the control item. */
  inForce(what?: 'with hosts'): Promise<string>
  /** The URIs in force. */
  uris(): Promise<readonly string[]>
  hostStates(): Promise<readonly string[]>
  /** As an operator reads it. */
  status(): Promise<string>
  stop(): Promise<void>
}

export async function startHostileWorld(): Promise<HostileWorld> {
  const clock = { at: Date.now() }
  const now = (): number => clock.at
  const sleep = async (milliseconds: number): Promise<void> => {
    clock.at += milliseconds
  }
  const simulator = await startCloudStackSimulator({ seed, now })
  const zone = simulator.cloud.networks()[0]?.zone ?? ''
  let connections = 0
  const server = createServer((asked, response) => {
    void serve(asked, response).catch(() => response.destroy())
  })
  server.on('connection', () => {
    connections += 1
  })
  const serve = async (asked: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(asked)
    const command = new URLSearchParams(body).get('command') ?? ''
    const honest = () => forward(simulator.url, asked, body)
    if (await world.misbehave({ command, response, socket: asked.socket, honest })) return
    const { status, text } = await honest()
    response.writeHead(status, { 'Content-Type': 'application/json;charset=utf-8' }).end(text)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/client/api`

  const store = createMemoryStore()
  const queues = createMemoryQueues(now, () => ({ visibilityMilliseconds: 60_000 }))
  const ports: Ports = { store, queues, logger: silent, now, random: Math.random, newId: () => 'tick' }
  const policy = policyOf(parseConfiguration({ BRIDGEKEEPER_LIST_SECONDS: '1' }))
  const gate = createSharedGate({ ...ports, cloud: policy.cloud, rate: policy.rate, sleep })
  const { apiKey, secretKey } = simulator
  const options = { url, apiKey, secretKey, gate, now, sleep }
  const cloudstack = createCloudStack({ ...options, timeoutMs: 10_000 })

  const world: HostileWorld = {
    url,
    apiKey,
    secretKey,
    simulator,
    ports,
    clock,
    misbehave: () => false,
    patience: 10_000,
    connections: () => connections,
    tick: async () => {
      clock.at = (Math.floor(clock.at / 60_000) + 1) * 60_000
      const from = performance.now()
      const hasty = world.patience === 10_000 ? cloudstack : createCloudStack({ ...options, timeoutMs: world.patience })
      const report = await snapshot(ports, hasty, gate, policy, 120_000)
      return { report, took: performance.now() - from }
    },
    inForce: async (what) => {
      const all = await store.list(zonePartition(policy.cloud, zone), '')
      const items = what === 'with hosts' ? all : all.filter(({ sk }) => !sk.startsWith('H#'))
      const rest = await store.list(cloudPartition(policy.cloud), '')
      return JSON.stringify([...items.map(withoutTick), ...rest.filter(({ sk }) => sk !== 'CONTROL')])
    },
    uris: async () => (await readDesired(store, policy.cloud, zone, 'KVM'))?.networks.map(({ uri }) => uri) ?? [],
    hostStates: async () => (await readHosts(store, policy.cloud, zone)).map(({ state }) => state),
    status: async () => {
      const status = await readStatus(ports, policy, {}, false)
      const standing = await readStanding(store, policy.cloud, status.control, now())
      const look = { width: 200, now: now(), paint: (_meaning: string, word: string) => word }
      return [standingText(standing, look), summary(status, now())].join('\n')
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await simulator.stop()
    },
  }
  return world
}

/** A pointer names the tick that last confirmed it. */
const withoutTick = ({ tick: _, ...item }: Readonly<Record<string, unknown>>): unknown => item

async function bodyOf(asked: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of asked) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

const forward = (url: string, { headers }: IncomingMessage, body: string) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const type = headers['content-type'] ?? ''
    const onward = request(url, { method: 'POST', headers: { 'Content-Type': type } }, (answer) => {
      bodyOf(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }), reject)
    })
    onward.on('error', reject).end(body)
  })
