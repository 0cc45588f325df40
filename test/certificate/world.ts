/** The CloudStack simulator with a clock of the test's, a client, and an agent's certificate kept in memory. */
import { createPublicKey } from 'node:crypto'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import type { Credentials } from '../../shared/certificate/credentials.ts'
import { issue, type Wanted } from '../../shared/certificate/issue.ts'
import type { Keeper } from '../../shared/certificate/keeper.ts'
import { type CloudStack, createCloudStack } from '../../shared/cloudstack/client.ts'

export const day = 24 * 60 * 60_000
export const name = 'bridgekeeper.example.org'

export interface MemoryKeeper extends Keeper {
  kept: Credentials | undefined
}

export function keptInMemory(kept?: Credentials): MemoryKeeper {
  const keeper: MemoryKeeper = {
    place: 'memory',
    kept,
    read: async () => keeper.kept,
    write: async (credentials) => {
      keeper.kept = credentials
    },
  }
  return keeper
}

export interface World {
  readonly simulator: CloudStackSimulator
  readonly client: CloudStack
  readonly clock: { now: number }
  readonly waiting: { readonly now: () => number; readonly sleep: () => Promise<void> }
  issued(wanted?: Partial<Wanted>, kept?: Credentials): Promise<Credentials>
  stop(): Promise<void>
}

export async function startWorld(): Promise<World> {
  const clock = { now: Date.now() }
  const now = (): number => clock.now
  const simulator = await startCloudStackSimulator({ now })
  const { url, apiKey, secretKey } = simulator
  const client = createCloudStack({ url, apiKey, secretKey, now })
  const waiting = { now, sleep: async () => {} }
  return {
    simulator,
    client,
    clock,
    waiting,
    issued: (wanted = {}, kept) => issue(client, kept, { commonName: name, ...wanted }, waiting),
    stop: () => simulator.stop(),
  }
}

export const publicKeyOf = ({ key }: Credentials): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
