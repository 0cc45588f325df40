import { describe, expect, it } from 'vitest'
import { asDeployed, deployedSettings, policyOf } from '../../shared/flow/policy.ts'
import { readStatus } from '../../shared/flow/status.ts'
import { encodeRevision } from '../../shared/reconcile/revision.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { controlKey, hostKey, readControl } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { pointer, revisionBody, state } from '../../shared/store/writes.ts'
import { desiredOf, hostFact, vlan } from '../factories.ts'

const policyFrom = (environment: Readonly<Record<string, string>>) => policyOf(parseConfiguration(environment))

describe('a status read with another environment than the functions have', () => {
  it('judges by what the last good snapshot wrote down', async () => {
    const deployed = policyFrom({ BRIDGEKEEPER_MODE: 'observe', BRIDGEKEEPER_DRIVERS: 'Simulator=cloudstack' })
    const store = createMemoryStore()
    const host = hostFact({ hypervisor: 'Simulator' })
    const { revision, body } = encodeRevision(desiredOf([vlan(100)]))
    const zones = [{ id: host.zone, name: 'Zone 1' }]
    await store.update({ key: controlKey('default'), set: { v: 1, zones, settings: deployedSettings(deployed) } })
    await store.update(state('default', host, 1, undefined, 0))
    await store.update(revisionBody('default', host.zone, 'Simulator', revision, body, 1))
    await store.update(pointer('default', host.zone, 'Simulator', revision, 1))
    await store.update({
      key: hostKey('default', host.zone, host.id),
      set: { settled: `${revision}:observe`, verifiedAt: 0, verdict: 'OutOfSync', reason: 'ObserveOnly' },
    })
    const ports: Ports = {
      store,
      queues: { send: async () => {} },
      logger: silent,
      now: () => 1000,
      random: () => 0,
      newId: () => 'id',
    }

    const { rows } = await readStatus(ports, policyFrom({}), {}, false)

    expect(rows).toMatchObject([{ status: 'OutOfSync', reason: 'ObserveOnly', zone: 'Zone 1' }])
  })

  it('knows no driver for a name that only a newer version knows', () => {
    const settings = { mode: 'apply', drivers: { KVM: 'kvm-telepathy' }, verifyMilliseconds: 1 } as const
    const control = readControl({ ...controlKey('default'), v: 1, settings })
    expect(asDeployed(policyFrom({}), control).driverOf('KVM')).toBeUndefined()
  })
})
