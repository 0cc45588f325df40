import { beforeEach, describe, expect, it, test } from 'vitest'
import { newKeyPair } from '../../infra/local/hostSimulator/keyPair.ts'
import { NothingSelected } from '../../shared/flow/backfill.ts'
import { readHistory } from '../../shared/flow/history.ts'
import {
  acceptHostKey,
  HostKeysOvertaken,
  HostKeysRefused,
  importHostKeys,
  resultOf,
} from '../../shared/flow/hostKeys.ts'
import { keptHostKeys } from '../../shared/flow/keptHostKeys.ts'
import { listHostKeys } from '../../shared/flow/keyHolders.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import { partsOf } from '../../shared/hypervisors/kvm/hostKeys.ts'
import type { Reason } from '../../shared/reconcile/reasons.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Ports } from '../../shared/runtime/ports.ts'
import { keyRefused } from '../../shared/store/hostKeyWrites.ts'
import { controlKey, hostKey, readHost, readSshKeys, sshKeyKey } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'
import { state } from '../../shared/store/writes.ts'
import { hostFact } from '../factories.ts'

const cloud = 'default'
const zone = 'zone-1'
const policy = policyOf(parseConfiguration({ BRIDGEKEEPER_SSH_JUMP: 'ops@192.0.2.9:2222' }))
const act = { by: 'ann@desk', why: 'new rack' }
const [mine, other, third] = [newKeyPair().publicKey, newKeyPair().publicKey, newKeyPair().publicKey]
const fingerprint = (key: string): string => partsOf(key).fingerprint

let store: Store
let sent: string[]
let ports: Ports
beforeEach(async () => {
  store = createMemoryStore()
  sent = []
  let serial = 0
  ports = {
    store,
    queues: { send: async (_queue, messages) => void sent.push(...messages.map(({ body }) => JSON.stringify(body))) },
    logger: silent,
    now: () => 1000,
    random: () => 0,
    newId: () => `id-${++serial}`,
  }
  await store.update({ key: controlKey(cloud), set: { v: 1, zones: [{ id: zone, name: 'Zürich' }] } })
  await addHost('kvm1', '192.0.2.11')
  await addHost('kvm2', '192.0.2.12')
})

const addHost = (name: string, address: string, given: { zone?: string; id?: string } = {}) =>
  store.update(state(cloud, hostFact({ id: name, name, address, ...given }), 1, 'hostAdded', 0))
const importing = (text: string, replace = false) => importHostKeys(ports, policy, text, replace, act)
const accepting = (host: string, key: string) => acceptHostKey(ports, policy, { host }, fingerprint(key), act)
const stored = async (host: string) => readSshKeys(await store.get(sshKeyKey(cloud, zone, host)))
const wanted = async (host: string) => readHost(await store.get(hostKey(cloud, zone, host)))?.wanted
const results = async (importing: ReturnType<typeof importHostKeys>) =>
  (await importing).hosts.map(({ holder, result }) => [holder.record?.name ?? 'jump', result])
const history = async (host: string) =>
  (await readHistory(store, cloud, { zone, host }, 9)).map(({ what, by, detail }) => ({ what, by, detail }))
const failFor = (host: string, reason: Reason) =>
  store.update({ key: hostKey(cloud, zone, host), set: { reason, failures: 1 } })
const refuse = (host: string, key: string) => store.update(keyRefused(sshKeyKey(cloud, zone, host), key, 900))

test('what an import makes of keys on record and keys in a file', () => {
  expect([
    resultOf([], [mine], false),
    resultOf([mine], [mine], true),
    resultOf([mine, other], [mine], false),
    resultOf([mine], [mine, other], false),
    resultOf([mine], [other], false),
    resultOf([mine, other], [mine, third], false),
    resultOf([mine], [other], true),
    resultOf([`@revoked ${mine}`], [mine], false),
  ]).toEqual(['imported', 'known', 'known', 'added', 'differs', 'differs', 'replaced', 'differs'])
})

describe('an import', () => {
  it('finds hosts by address and by name, and tells who, when and why', async () => {
    const text = `# scanned\n192.0.2.11 ${mine}\nKVM2,ignored ${other}\nelsewhere ${third}\nnonsense\n`
    const { hosts, lines } = await importing(text)
    expect(hosts.map(({ holder, result }) => [holder.name, result])).toEqual([
      ['kvm1', 'imported'],
      ['kvm2', 'imported'],
    ])
    expect(lines).toEqual({ read: 4, ofNoHost: 1, passedOver: 1 })
    expect(await stored('kvm1')).toEqual({ keys: [mine], serial: 1, source: 'import', at: 1000, ...act })
    const detail = `imported ecdsa-sha2-nistp256 ${fingerprint(mine)}`
    expect(await history('kvm1')).toEqual([{ what: 'hostkey', by: 'ann@desk', detail }])
  })

  it('looks for hosts at the port that the functions use', async () => {
    await store.update({ key: controlKey(cloud), set: { settings: deployed(2200) } })
    await expect(importing(`192.0.2.11 ${mine}`)).rejects.toThrow(/such as "\[192.0.2.12\]:2200" or "\[kvm2\]:2200"$/)
    expect(await results(importing(`[192.0.2.11]:2200 ${mine}`))).toEqual([['kvm1', 'imported']])
  })

  it('leaves other keys that are on record as they are, unless it is to replace them', async () => {
    await importing(`192.0.2.11 ${mine}`)
    expect(await results(importing(`192.0.2.11 ${other}`))).toEqual([['kvm1', 'differs']])
    expect((await stored('kvm1')).keys).toEqual([mine])
    expect(await results(importing(`192.0.2.11 ${other}`, true))).toEqual([['kvm1', 'replaced']])
    expect(await stored('kvm1')).toMatchObject({ keys: [other], serial: 2 })
    expect((await history('kvm1'))[0]?.detail).toContain(`in the place of ecdsa-sha2-nistp256 ${fingerprint(mine)}`)
  })

  it('writes nothing for what is known, and adds what is new beside it', async () => {
    await importing(`192.0.2.11 ${mine}`)
    expect(await results(importing(`192.0.2.11 ${mine}`))).toEqual([['kvm1', 'known']])
    expect((await stored('kvm1')).serial).toBe(1)
    expect(await results(importing(`192.0.2.11 ${mine}\nkvm1 ${other}`))).toEqual([['kvm1', 'added']])
  })

  it('takes the keys of the jump host too', async () => {
    expect(await results(importing(`[192.0.2.9]:2222 ${mine}`))).toEqual([['jump', 'imported']])
    expect((await readHistory(store, cloud, {}, 9))[0]?.detail).toMatch(/^the jump host 192.0.2.9:2222: imported /)
  })

  it('tries a host again that failed for its key, and no other', async () => {
    await failFor('kvm1', 'HostKeyUnknown')
    await failFor('kvm2', 'HostUnreachable')
    await importing(`192.0.2.11 ${mine}\n192.0.2.12 ${other}`)
    expect([await wanted('kvm1'), await wanted('kvm2')]).toEqual([2, 1])
    expect(sent.map((body) => JSON.parse(body))).toMatchObject([{ cloud, why: 'hostkey' }])
  })

  it('does not write over keys that somebody else put on record meanwhile', async () => {
    const between: Store = {
      ...store,
      update: async (write) => {
        if (write.key.sk === 'K#kvm1') await keptHostKeys(ports, policy, undefined).accept(targetOf('kvm1'), third)
        return store.update(write)
      },
    }
    const meeting = importHostKeys({ ...ports, store: between }, policy, `192.0.2.11 ${mine}`, false, act)
    expect(await results(meeting)).toEqual([['kvm1', 'differs']])
    expect(await stored('kvm1')).toMatchObject({ keys: [third], source: 'accept-new' })
  })

  it('gives up where a newer version wrote the keys', async () => {
    await store.update({ key: sshKeyKey(cloud, zone, 'kvm1'), set: { v: 2, serial: 7 } })
    await expect(importing(`192.0.2.11 ${mine}`)).rejects.toThrow(HostKeysOvertaken)
  })

  it('refuses a file of no host, and one with too many keys of a host', async () => {
    await expect(importing(`elsewhere ${mine}`)).rejects.toThrow(
      /^none of 1 lines is of a host \(0 are of no use\): a line begins with .* "192.0.2.12" or "kvm2"$/,
    )
    await expect(importing('')).rejects.toThrow(NothingSelected)
    const many = Array.from({ length: 33 }, () => `kvm1 ${newKeyPair().publicKey}\n`).join('')
    await expect(importing(many)).rejects.toThrow(/33 keys of kvm1, more than the 32 that are kept/)
  })
})

describe('an acceptance', () => {
  it('takes the key that was refused, by its fingerprint, and tries the host again', async () => {
    await refuse('kvm1', mine)
    await failFor('kvm1', 'HostKeyUnknown')
    expect(await accepting('kvm1', mine)).toMatchObject({ accepted: mine, before: false, replaced: [] })
    expect(await stored('kvm1')).toEqual({ keys: [mine], serial: 1, source: 'accept', at: 1000, ...act })
    expect([await wanted('kvm1'), sent.length]).toEqual([2, 1])
    expect((await history('kvm1'))[0]?.detail).toBe(`accepted ecdsa-sha2-nistp256 ${fingerprint(mine)}`)
    expect(await accepting('kvm1', mine)).toMatchObject({ before: true })
  })

  it('replaces the keys that were on record, but for revoked ones', async () => {
    await importing(`192.0.2.11 ${mine}\n@revoked 192.0.2.11 ${third}`)
    await refuse('kvm1', other)
    expect(await accepting('kvm1', other)).toMatchObject({ replaced: [mine] })
    expect((await stored('kvm1')).keys).toEqual([other, `@revoked ${third}`])
  })

  it('refuses another key than the one that was presented, naming both', async () => {
    await refuse('kvm1', mine)
    await expect(accepting('kvm1', other)).rejects.toThrow(
      `kvm1 presented ecdsa-sha2-nistp256 ${fingerprint(mine)}, not ${fingerprint(other)}: compare again`,
    )
    expect((await stored('kvm1')).keys).toEqual([])
  })

  it('refuses a key that was revoked, one that nobody presented, and one that changed at that moment', async () => {
    await expect(accepting('kvm1', mine)).rejects.toThrow(/^kvm1 has presented no key that was refused/)
    await importing(`@revoked 192.0.2.11 ${mine}`)
    await refuse('kvm1', mine)
    await expect(accepting('kvm1', mine)).rejects.toThrow(/was revoked/)
    await refuse('kvm2', mine)
    const between: Store = {
      ...store,
      update: async (write) => {
        if (write.key.sk === 'K#kvm2') await refuse('kvm2', other)
        return store.update(write)
      },
    }
    const meeting = acceptHostKey({ ...ports, store: between }, policy, { host: 'kvm2' }, fingerprint(mine), act)
    await expect(meeting).rejects.toThrow(HostKeysRefused)
  })

  it('wants to know which host, where two are called so', async () => {
    await addHost('kvm1', '192.0.2.13', { id: 'kvm1-b' })
    await expect(accepting('kvm1', mine)).rejects.toThrow(
      '2 hosts are called so: choose one by its id, of kvm1, kvm1-b',
    )
    await expect(accepting('kvm9', mine)).rejects.toThrow(/^no host matches "kvm9"/)
  })

  it('of the jump host tries every host again that failed for it', async () => {
    const keys = keptHostKeys(ports, policy, undefined)
    const jump = { cloud, address: '192.0.2.9', port: 2222, jump: true } as const
    await keys.refused(jump, mine)
    for (const host of ['kvm1', 'kvm2']) await failFor(host, 'JumpHostUntrusted')
    await acceptHostKey(ports, policy, 'jump', fingerprint(mine), act)
    expect(await keys.known(jump)).toEqual([mine])
    expect([await wanted('kvm1'), await wanted('kvm2'), sent.length]).toEqual([2, 2, 1])
    const without = policyOf(parseConfiguration({}))
    await expect(acceptHostKey(ports, without, 'jump', fingerprint(mine), act)).rejects.toThrow(/there is no jump host/)
  })
})

describe('a run under accept-new', () => {
  it('keeps the first key of a host, with a line of the history', async () => {
    await keptHostKeys(ports, policy, undefined).accept(targetOf('kvm1'), mine)
    expect(await stored('kvm1')).toMatchObject({ keys: [mine], source: 'accept-new', at: 1000 })
    const detail = `ecdsa-sha2-nistp256 ${fingerprint(mine)}`
    expect(await history('kvm1')).toEqual([{ what: 'hostkey', by: 'accept-new', detail }])
  })

  it('does not go on with a key that is not the one which another one kept just before', async () => {
    const keys = keptHostKeys(ports, policy, undefined)
    await keys.accept(targetOf('kvm1'), mine)
    await keys.accept(targetOf('kvm1'), mine)
    await expect(keys.accept(targetOf('kvm1'), other)).rejects.toMatchObject({ reason: 'HostKeyChanged' })
    expect(await history('kvm1')).toHaveLength(1)
  })
})

test('what is listed: keys, keys that were refused, and the jump host', async () => {
  await importing(`192.0.2.11 ${mine}`)
  await refuse('kvm2', other)
  const listed = await listHostKeys(store, policy, {})
  expect(listed.map(({ holder, keys }) => [holder.name, keys.keys, keys.refused])).toEqual([
    ['the jump host 192.0.2.9:2222', [], undefined],
    ['kvm1', [mine], undefined],
    ['kvm2', [], other],
  ])
  expect(await listHostKeys(store, policy, { host: 'kvm1' })).toHaveLength(1)
  await expect(listHostKeys(store, policy, { host: 'kvm9' })).rejects.toThrow(NothingSelected)
})

const targetOf = (name: string) => ({ cloud, zone, id: name, name, address: '192.0.2.11', port: 22 })

const deployed = (port: number) => ({
  mode: 'apply',
  drivers: { KVM: 'kvm-ssh' },
  verifyMilliseconds: 1,
  ssh: { port, jump: { address: '192.0.2.9', port: 2222 } },
})
