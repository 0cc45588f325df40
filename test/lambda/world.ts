/**
 * What functions in processes of their own run against: an embedded DynamoDB and SQS, a simulated CloudStack, and perhaps one simulated host. In:
 * a size, where the bundles are. Out: calls of functions, and the messages that they sent each other.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { deploymentOf } from '../../infra/local/cloud/deployment.ts'
import { functionEnvironment } from '../../infra/local/cloud/environment.ts'
import { startParts } from '../../infra/local/cloud/parts.ts'
import { readServerless } from '../../infra/local/cloud/serverlessFile.ts'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { startHosts } from '../../infra/local/demo/hosts.ts'
import { startXapiSimulator } from '../../infra/local/xapiSimulator/simulator.ts'
import { hostName, standard, startVcenter } from '../vcenter/vcenter.ts'
import { type Measured, measure } from './measure.ts'

export const deployment = deploymentOf(readServerless(join(import.meta.dirname, '../..'), 'dev'))

export interface Size {
  readonly networks: number
  /** In CloudStack alone, or one that answers. */
  readonly hosts: number | 'KVM' | 'XenServer' | 'VMware'
}

export interface World {
  /** @param heap megabytes of JavaScript's own; as Node has it when left out */
  call(name: string, events: readonly unknown[], heap?: number): Promise<Measured>
  /** The next message of a function's queue, as Lambda brings it. */
  next(name: string): Promise<unknown>
}

interface Hosts {
  readonly hypervisor: string
  readonly hosts: readonly { readonly name: string; readonly address: string }[]
  readonly settings: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** @param folder of the bundles; files of the world are written there, too */
export async function inWorld<T>(folder: string, size: Size, work: (world: World) => Promise<T>): Promise<T> {
  const parts = await startParts(deployment, undefined)
  const { hypervisor, hosts, settings, stop } = await hostsOf(folder, size.hosts)
  const cloudstack = await startCloudStackSimulator({
    seed: seedCloud([
      {
        name: 'zone-1',
        physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1', XenServer: 'guests', VMware: standard } }],
        clusters: [{ name: 'cluster-1', hypervisor, hosts }],
        networks: Array.from({ length: size.networks }, (_, n) => ({ name: `network-${n}`, uri: `vlan://${100 + n}` })),
      },
    ]),
  })
  const given = {
    CLOUDSTACK_API_URL: cloudstack.url,
    CLOUDSTACK_API_KEY: cloudstack.apiKey,
    CLOUDSTACK_SECRET_KEY: cloudstack.secretKey,
    BRIDGEKEEPER_CLOUDSTACK_RATE: '1000',
    BRIDGEKEEPER_CLOUDSTACK_BURST: '10000',
    BRIDGEKEEPER_ROLLOUT_PERCENT: '100',
    ...settings,
  }
  try {
    return await work({
      call: async (name, events, heap) => {
        const deployed = deployment.functions.find((each) => each.name === name)
        if (deployed === undefined) throw new Error(`there is no function ${name}`)
        const environment = functionEnvironment(deployed, parts.addresses, given)
        return measure(join(folder, 'functions', `${name}.js`), environment, events, heap)
      },
      next: async (name) => {
        const QueueUrl = parts.queues.get(`${name.charAt(0).toUpperCase()}${name.slice(1)}Queue`)?.url
        const { Messages: [message] = [] } = await parts.sqs.send(
          new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2 }),
        )
        if (message === undefined) throw new Error(`nothing waits for ${name}`)
        const attributes = { ApproximateReceiveCount: '1' }
        return { Records: [{ messageId: message.MessageId, body: message.Body, attributes }] }
      },
    })
  } finally {
    await cloudstack.stop()
    await stop()
    await parts.stop()
  }
}

async function hostsOf(folder: string, hosts: Size['hosts']): Promise<Hosts> {
  if (hosts === 'KVM') {
    const simulated = await startHosts('simulated', ['kvm-1'])
    return { hypervisor: 'KVM', ...simulated }
  }
  if (hosts === 'XenServer') {
    const simulated = await startXapiSimulator({ pools: [{ name: 'pool', hosts: ['xen-1'] }] })
    const { username, password, fingerprint, pool, port } = simulated
    const file = join(folder, 'xapi.json')
    await writeFile(file, JSON.stringify({ default: { username, password, fingerprints: [fingerprint] } }), {
      mode: 0o600,
    })
    const settings = {
      BRIDGEKEEPER_DRIVERS: 'XenServer=xenserver',
      BRIDGEKEEPER_XAPI_CREDENTIALS_FILE: file,
      BRIDGEKEEPER_XAPI_PORT: String(port),
    }
    return { hypervisor: 'XenServer', hosts: pool.hosts, settings, stop: () => simulated.close() }
  }
  if (hosts === 'VMware') {
    const vcenter = await startVcenter('amendedVcsim', { clusters: 1, hosts: 1 })
    const file = join(folder, 'vcenter.json')
    await writeFile(file, JSON.stringify({ default: vcenter.credentials }), { mode: 0o600 })
    const settings = { BRIDGEKEEPER_DRIVERS: 'VMware=vmware', BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE: file }
    return {
      hypervisor: 'VMware',
      hosts: [{ name: hostName(0, 0), address: '127.0.0.1' }],
      settings,
      stop: vcenter.stop,
    }
  }
  const named = Array.from({ length: hosts }, (_, n) => ({ name: `kvm-${n}`, address: `10.1.${n >> 8}.${n & 255}` }))
  return { hypervisor: 'KVM', hosts: named, settings: {}, stop: async () => {} }
}
