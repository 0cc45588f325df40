/** The contract over both: the answers captured from a real server, and the simulator holding the same cloud. */
import { describe } from 'vitest'
import type { Account } from '../../infra/local/cloudstackSimulator/model.ts'
import { startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { capturedSeed } from '../cloudstack/capturedSeed.ts'
import { startReplay } from '../cloudstack/replay.ts'
import { cloudstackContract, type Server } from './cloudstack.ts'

const admin: Account = {
  id: '1cb168fb-e6a1-11f1-98a4-02fc00000001',
  number: 2,
  name: 'admin',
  role: 'Admin',
  apiKey: 'contract-admin-key',
  secretKey: 'contract-admin-secret',
}

const user: Account = {
  id: '48118e5e-c93d-401a-977b-060c4b63af19',
  number: 4,
  name: 'user1',
  role: 'User',
  apiKey: 'contract-user-key',
  secretKey: 'contract-user-secret',
}

async function captured(): Promise<Server> {
  return { admin, user, ...(await startReplay([admin, user], ['listHosts.routing.all-up.json'])) }
}

async function simulated(): Promise<Server> {
  const simulator = await startCloudStackSimulator({ seed: capturedSeed(), accounts: [user] })
  return { user, admin: simulator, url: simulator.url, stop: simulator.stop }
}

describe.each([
  ['the captured answers', captured],
  ['the simulator', simulated],
])('%s', (name, start) => cloudstackContract(name, start))
