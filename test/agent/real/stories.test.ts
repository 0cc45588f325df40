/** The stories of test/contract/stories.ts, told by the driver `kvm-agent`: the agent's own server and code, over TLS on loopback, on a simulated kernel. */
import { readFileSync, rmSync } from 'node:fs'
import { afterAll, beforeAll } from 'vitest'
import { answer, failed } from '../../../infra/agent/answer.ts'
import { startServer } from '../../../infra/agent/server.ts'
import type { Driver } from '../../../shared/hypervisors/driver.ts'
import { agentDriver } from '../../../shared/hypervisors/kvm/agent/driver.ts'
import { httpsLine } from '../../../shared/hypervisors/kvm/agent/https.ts'
import { silent } from '../../../shared/runtime/logger.ts'
import { besides, theirsOnKvm, uplinkTag } from '../../contract/kvmStories.ts'
import { type StoryHost, tellStories } from '../../contract/stories.ts'
import { network, targetOf } from '../../hypervisors/kvm/factory.ts'
import { startSimulatedAgent } from '../simulatedAgent.ts'
import { createPki, type Issued, type Pki } from './pki.ts'

const uris = ['vlan://3001', 'vlan://3002', 'vlan://3003']
const provisionerName = 'bridgekeeper.example.org'

let pki: Pki
let issued: Readonly<Record<'host' | 'provisioner' | 'otherHost', Issued>>
beforeAll(() => {
  pki = createPki()
  issued = {
    host: pki.issue('host', 'kvm1', ['IP:127.0.0.1']),
    provisioner: pki.issue('provisioner', provisionerName),
    otherHost: pki.issue('other', 'kvm2'),
  }
})
afterAll(() => rmSync(pki.folder, { recursive: true, force: true }))

async function startHost(name: string) {
  const host = await startSimulatedAgent(name, Date.now)
  const server = await startServer({
    ...{ ...issued.host, ca: pki.ca, admit: [provisionerName] },
    ...{ listen: '127.0.0.1', port: 0, logger: silent, now: Date.now },
    answer: async (body) => JSON.stringify(await answer(host.parts, body)),
    refuse: (reason, detail) => JSON.stringify(failed(host.parts, reason, detail)),
  })
  const driverOf = ({ certificate, key }: Issued): Driver => {
    const read = (file: string): string => readFileSync(file, 'utf8')
    const credentials = { certificate: read(certificate), key: read(key), ca: read(pki.ca) }
    const way = { ...credentials, port: server.port, connectTimeout: 3_000, requestTimeout: 5_000 }
    return agentDriver(async (target, signal) => httpsLine(target, way, signal), { mode: 'apply' })
  }
  return {
    host,
    driverOf,
    driver: driverOf(issued.provisioner),
    target: targetOf({ name, address: '127.0.0.1' }),
    state: async () => host.state(),
    stop: async () => {
      await server.close()
      await host.stop()
    },
  }
}

async function kvmByAgent(): Promise<StoryHost> {
  const started = await startHost('kvm1')
  const { host, driverOf } = started
  const stops = [started.stop]
  host.kernel().add(uplinkTag)
  return {
    ...started,
    desired: uris.map((uri) => network(uri)),
    devices: 6,
    stop: async () => {
      for (const stop of stops) await stop()
    },
    late: async () => {
      const late = await startHost('kvm2')
      stops.push(late.stop)
      return { ...late, lacks: 6 }
    },
    reboot: async () => {
      host.reboot()
      host.kernel().add(uplinkTag)
    },
    drift: async () => {
      for (const name of ['eth1.3001', 'breth1-3001']) host.kernel().delete(name)
    },
    halve: async () => void host.kernel().delete('breth1-3001'),
    foreign: async () => {
      for (const link of theirsOnKvm) host.kernel().add(link)
      return async () => besides(uris, host.kernel().links())
    },
    theirs: network('vlan://3050'),
    bad: network('vlan://3099'),
    occupy: async () => void host.kernel().add({ name: 'vnet0', kind: 'tun', master: 'breth1-3001', up: true }),
    // Every host of the cloud holds a certificate of the same CA: what is wrong with it is whose it is.
    wrong: { driver: driverOf(issued.otherHost), reason: 'AgentRefused' },
  }
}

tellStories('agent', { 'kvm-agent': kvmByAgent })
