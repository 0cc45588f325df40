import { createHmac, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { newKeyPair } from '../../../infra/local/hostSimulator/keyPair.ts'
import { algorithmsFor, fingerprint, judge, keyText } from '../../../shared/hypervisors/kvm/hostKeys.ts'
import { keysOf, knownHostsFile } from '../../../shared/hypervisors/kvm/knownHosts.ts'
import { keysOfAll, TooManyComparisons } from '../../../shared/hypervisors/kvm/knownHostsOfAll.ts'

function newKey(): { readonly text: string; readonly blob: Buffer } {
  const text = newKeyPair().publicKey
  return { text, blob: Buffer.from(text.split(' ')[1] ?? '', 'base64') }
}

const mine = newKey()
const other = newKey()

test('a key is written as in known_hosts, its fingerprint as ssh-keygen prints it', () => {
  expect(keyText(mine.blob)).toBe(mine.text)
  expect(fingerprint(mine.blob)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
})

describe('a key', () => {
  test('on record is trusted', () => {
    expect(judge(mine.blob, [other.text, mine.text], 'strict')).toMatchObject({ trusted: true, isNew: false })
  })
  test('of a host without any on record is unknown under strict', () => {
    expect(judge(mine.blob, [], 'strict')).toMatchObject({ trusted: false, reason: 'HostKeyUnknown' })
  })
  test('of a host without any on record is taken under accept-new', () => {
    expect(judge(mine.blob, [], 'accept-new')).toEqual({ trusted: true, isNew: true, key: mine.text })
  })
  test.each(['strict', 'accept-new'] as const)('other than the one on record has changed, under %s too', (policy) => {
    expect(judge(mine.blob, [other.text], policy)).toMatchObject({ trusted: false, reason: 'HostKeyChanged' })
    expect(judge(mine.blob, ['ssh-ed25519 AAAA'], policy)).toMatchObject({ trusted: false, reason: 'HostKeyChanged' })
  })
  test.each(['strict', 'accept-new'] as const)('that was revoked is never trusted, under %s', (policy) => {
    expect(judge(mine.blob, [`@revoked ${mine.text}`, mine.text], policy)).toMatchObject({
      trusted: false,
      reason: 'HostKeyChanged',
    })
  })
  test('beside a revoked one is new', () => {
    expect(judge(mine.blob, [`@revoked ${other.text}`], 'accept-new')).toMatchObject({ trusted: true, isNew: true })
    expect(judge(mine.blob, [`@revoked ${other.text}`], 'strict')).toMatchObject({ reason: 'HostKeyUnknown' })
  })
})

test('the types on record are asked for first, and SHA-1 signatures never', () => {
  expect(algorithmsFor([])[0]).toBe('ssh-ed25519')
  expect(algorithmsFor(['ssh-rsa AAAA']).slice(0, 2)).toEqual(['rsa-sha2-512', 'rsa-sha2-256'])
  expect(algorithmsFor(['ssh-rsa AAAA'])).toHaveLength(6)
  expect(algorithmsFor(['ssh-rsa AAAA'])).not.toContain('ssh-rsa')
})

describe('known_hosts', () => {
  const hashed = (name: string): string => {
    const salt = randomBytes(20)
    return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
  }
  const found = (hosts: string, address: string, port = 22): boolean =>
    keysOf(`${hosts} ${mine.text} a comment\n`, address, port).length > 0

  test.each([
    ['10.0.0.1', '10.0.0.1', 22, true],
    ['10.0.0.1', '10.0.0.11', 22, false],
    ['10.0.0.1', '10.0.0.1', 2222, false],
    ['[10.0.0.1]:2222', '10.0.0.1', 2222, true],
    ['[10.0.0.1]:2222', '10.0.0.1', 22, false],
    ['kvm1,10.0.0.1', '10.0.0.1', 22, true],
    ['KVM1.Example', 'kvm1.example', 22, true],
    ['10.0.0.*', '10.0.0.77', 22, true],
    ['10.0.0.?', '10.0.0.77', 22, false],
    ['*.example,!kvm1.example', 'kvm1.example', 22, false],
    ['*.example,!kvm1.example', 'kvm2.example', 22, true],
    ['a*b*c*', 'aXbYbZc', 22, true],
    [hashed('10.0.0.1'), '10.0.0.1', 22, true],
    [hashed('10.0.0.1'), '10.0.0.2', 22, false],
    [hashed('[10.0.0.1]:2222'), '10.0.0.1', 2222, true],
    ['|2|abc|def', '10.0.0.1', 22, false],
    ['|1|', '10.0.0.1', 22, false],
    ['#10.0.0.1', '#10.0.0.1', 22, false],
  ])('%s for %s port %i: %s', (hosts, address, port, expected) => {
    expect(found(hosts, address, port)).toBe(expected)
  })

  test('a line that ssh-keygen -H wrote is understood', () => {
    const line = '|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg='
    expect(found(line, '192.168.1.61')).toBe(true)
  })

  test('a revoked key says so; authorities, comments and nonsense are passed over', () => {
    const text = `# ours\n\n@revoked 10.0.0.1 ${other.text}\n@cert-authority 10.0.0.1 ${other.text}\nnonsense\n10.0.0.1 ssh-rsa\n10.0.0.1 ${mine.text}`
    expect(keysOf(text, '10.0.0.1', 22)).toEqual([`@revoked ${other.text}`, mine.text])
  })

  test('that is for many hosts gives each its keys once, and counts lines of no host and of no use', () => {
    const hosts = [['10.0.0.1', 'kvm1'], ['10.0.0.2', 'kvm2'], ['10.0.0.3']]
    const text = [
      '# ours',
      '',
      `10.0.0.1,kvm2 ${mine.text}`,
      `kvm1 ${mine.text}`,
      `${hashed('kvm1')} ${other.text}`,
      `10.0.0.*,!10.0.0.1 ${other.text}\r`,
      `@revoked kvm2 ${mine.text}`,
      `elsewhere ${mine.text}`,
      `@cert-authority * ${mine.text}`,
      '10.0.0.1 ssh-dss AAAAB3NzaC1kc3M=',
      `10.0.0.1 ssh-ed25519 ${mine.text.split(' ')[1]}`,
      'nonsense',
    ]
    expect(keysOfAll(text.join('\n'), hosts)).toEqual({
      keys: [[mine.text, other.text], [mine.text, other.text, `@revoked ${mine.text}`], [other.text]],
      lines: { read: 10, ofNoHost: 1, passedOver: 4 },
    })
  })

  test('that is for many hosts is refused where its hashes would take too long, before they do', () => {
    const names = Array.from({ length: 100_000 }, (_, number) => [`kvm${number}`])
    const text = `?x ${mine.text}\n`.repeat(101)
    expect(() => keysOfAll(text, names)).toThrow(TooManyComparisons)
    expect(keysOfAll(text.slice(0, text.indexOf('\n')), names).lines).toEqual({ read: 1, ofNoHost: 1, passedOver: 0 })
  })

  test('a pattern of many stars ends', () => {
    expect(found(`${'*a'.repeat(2000)}*b`, 'a'.repeat(250))).toBe(false)
  })
})

describe('a known_hosts file', () => {
  async function place(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'bridgekeeper-known-hosts-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    return join(directory, 'known_hosts')
  }
  const target = {
    cloud: 'c',
    zone: 'z',
    id: 'h',
    name: 'kvm1',
    address: '10.0.0.1',
    cluster: 'cluster',
    resourceState: 'Enabled',
    port: 2222,
  }

  test('that is not there knows nobody', async () => {
    expect(await knownHostsFile(await place()).known(target)).toEqual([])
  })

  test('takes a new key on a line of its own, and knows it then', async () => {
    const file = await place()
    await writeFile(file, `10.0.0.2 ${other.text}`)
    const keys = knownHostsFile(file)
    await keys.accept?.(target, mine.text)
    expect(await keys.known(target)).toEqual([mine.text])
    expect(await readFile(file, 'utf8')).toBe(`10.0.0.2 ${other.text}\n[10.0.0.1]:2222 ${mine.text}\n`)
  })

  test('that is made for a new key is for its owner only', async () => {
    const file = await place()
    await knownHostsFile(file).accept?.(target, mine.text)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })
})
