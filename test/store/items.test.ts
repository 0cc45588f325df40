import { expect, it } from 'vitest'
import { hostKey, itemVersion, readHost } from '../../shared/store/items.ts'
import { hostFact } from '../factories.ts'

it('a host whose reason a newer release wrote is read, and served', () => {
  const { id, zone, managementServer, ...facts } = hostFact()
  const exceptions = [{ physicalNetwork: 'pn', uri: 'vlan://1', reason: 'FromTheFuture', detail: 'd' }]
  const record = readHost({
    ...hostKey('c', zone, id),
    v: itemVersion,
    ...facts,
    tick: 1,
    wanted: 2,
    reason: 'Also',
    exceptions,
  })
  expect(record).toMatchObject({ wanted: 2, reason: 'Unrecognised', exceptions: [{ reason: 'Unrecognised' }] })
  expect(managementServer).toBeDefined()
  const without = readHost({ ...hostKey('c', zone, id), v: itemVersion, ...facts, tick: 1 })
  expect(without).not.toHaveProperty('reason')
})
