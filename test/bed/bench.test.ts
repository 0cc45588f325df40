/** The bench's short form: counts and ratios, never times. What is not as the driver should leave it is no measurement, but an error. */
import { expect, it } from 'vitest'
import { type KvmBench, measureKvm } from '../bench/kvm.ts'
import type { Kind } from '../bench/kvmHost.ts'
import type { Measurement } from '../bench/measurement.ts'

async function measure(kind: Kind, sizes: Omit<KvmBench, 'kind'>): Promise<ReadonlyMap<string, Measurement>> {
  const measured = new Map<string, Measurement>()
  await measureKvm(
    { kind, ...sizes },
    (one) => measured.set(one.name, one),
    () => {},
  )
  return measured
}

it('a whole run on VXLAN costs at most 2.5 times the quickest way, and a script per network at least 8 times as much', async () => {
  const runs = [{ networks: 100, pairs: 5 }]
  const measured = await measure('vxlan', { runs, scripts: [{ networks: 50, pairs: 3 }], checks: [] })
  expect(measured.get('kvm-ssh-vxlan-100')?.ratio).toBeLessThan(2.5)
  expect(measured.get('script-per-network-vxlan-50')?.ratio).toBeGreaterThan(8)
})

it('a whole run on VLAN costs at most 2.5 times the quickest way, and a fast check no more than a listing', async () => {
  const runs = [{ networks: 100, pairs: 3 }]
  const measured = await measure('vlan', { runs, scripts: [], checks: [{ networks: 100, pairs: 5 }] })
  expect(measured.get('kvm-ssh-vlan-100')?.ratio).toBeLessThan(2.5)
  expect(measured.get('fast-check-vlan-100')?.ratio).toBeLessThan(1.5)
})
