import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readText } from '../../infra/cli/hostKeysCommand.ts'
import { acceptSchema, importSchema, keyListSchema } from '../../infra/cli/hostKeysJson.ts'
import { main } from '../../infra/cli/main.ts'
import { outputOf } from '../../infra/cli/output.ts'
import { statusSchema } from '../../infra/cli/statusJson.ts'
import { newKeyPair } from '../../infra/local/hostSimulator/keyPair.ts'
import { partsOf } from '../../shared/hypervisors/kvm/hostKeys.ts'
import { largestFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { keyRefused } from '../../shared/store/hostKeyWrites.ts'
import { sshKeyKey } from '../../shared/store/items.ts'
import { cloud, writeCloud } from './cloud.ts'
import { type Parts, startParts } from './parts.ts'
import type { Ended } from './program.ts'

let parts: Parts
const folder = mkdtempSync(join(tmpdir(), 'keys-'))
const file = join(folder, 'known_hosts')
const [mine, other] = [newKeyPair().publicKey, newKeyPair().publicKey]
const fingerprint = (key: string): string => partsOf(key).fingerprint
const itemOf = (host: string) => sshKeyKey(cloud, 'zone-1', host)

beforeAll(async () => {
  parts = await startParts()
  await writeCloud(parts.store, Date.now())
})

afterAll(async () => {
  rmSync(folder, { recursive: true })
  await parts.stop()
})

beforeEach(async () => {
  for (const host of ['host-1', 'host-2', 'host-4']) await parts.store.delete(itemOf(host))
})

async function command(...args: readonly string[]): Promise<Ended> {
  const [printed, errors]: [string[], string[]] = [[], []]
  const code = await main(['hostkeys', ...args], {
    environment: { ...parts.withQueue, COLUMNS: '160' },
    output: { ...outputOf(process.stdout, process.stderr, {}), print: (text) => void printed.push(text) },
    writeError: (text) => void errors.push(text),
    interruption: () => new AbortController().signal,
  })
  return { code, stdout: printed.join('\n'), stderr: errors.join('') }
}

const importing = (text: string, ...args: readonly string[]): Promise<Ended> => {
  writeFileSync(file, text)
  return command('import', file, ...args)
}

describe('hostkeys list', () => {
  it('shows every key by its fingerprint, who put it there, what was refused, and hosts that are Up without one', async () => {
    await importing(`kvm1 ${mine}`)
    await parts.store.update(keyRefused(itemOf('host-2'), other, Date.now()))
    const { code, stdout } = await command('list')
    expect(code).toBe(0)
    expect(stdout).toMatch(
      new RegExp(`Zürich +kvm1 +ecdsa-sha2-nistp256 +${escaped(fingerprint(mine))} +import +\\S+@\\S+ +\\d+s ago\n`),
    )
    expect(stdout).toMatch(/Zürich +kvm2 +no key on record +none\n/)
    expect(stdout).toMatch(
      new RegExp(`kvm2 +ecdsa-sha2-nistp256 +${escaped(fingerprint(other))} +refused +\\d+s ago\n`),
    )
    expect(stdout).not.toMatch(/kvm3 +no key/)
    expect(stdout).toContain('4 hosts, 2 without a key on record')
    expect(stdout).toContain('bridgekeeper hostkeys accept --host HOST FINGERPRINT')
    expect(stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
  })

  it('is data for programs, of one host too', async () => {
    await importing(`kvm1 ${mine}`, '--why', 'new rack')
    const { stdout } = await command('list', '--host', 'kvm1', '-o', 'json')
    expect(keyListSchema.parse(JSON.parse(stdout)).hosts).toMatchObject([
      {
        ...{
          kind: 'host',
          id: 'host-1',
          name: 'kvm1',
          address: '192.0.2.11',
          port: 22,
          lacksKey: false,
          refused: null,
        },
        ...{ keys: [{ type: 'ecdsa-sha2-nistp256', fingerprint: fingerprint(mine), revoked: false }] },
        ...{ source: 'import', why: 'new rack' },
      },
    ])
  })
})

describe('hostkeys import', () => {
  it('ends with 2 when a key differs, shows both fingerprints, and replaces it only if asked', async () => {
    expect(await importing(`kvm1 ${mine}`)).toMatchObject({ code: 0, stderr: '' })
    const differing = await importing(`kvm1 ${other}\nelsewhere ${mine}\n`)
    expect(differing.code).toBe(2)
    expect(differing.stdout).toMatch(new RegExp(`kvm1 +differs +\\S+ ${escaped(fingerprint(mine))} +on record\n`))
    expect(differing.stdout).toMatch(new RegExp(`kvm1 +differs +\\S+ ${escaped(fingerprint(other))} +in the file\n`))
    expect(differing.stdout).toContain('1 host: 1 differs. 2 lines: 1 of no host that is known here, 0 of no use.')
    expect(differing.stdout).toContain('hostkeys import --replace FILE')

    const { code, stdout } = await importing(`kvm1 ${other}`, '--replace', '-o', 'json')
    expect(code).toBe(0)
    const { hosts } = importSchema.parse(JSON.parse(stdout))
    expect(hosts).toMatchObject([{ result: 'replaced', before: [partsOf(mine)], found: [partsOf(other)] }])
    expect((await importing(`kvm1 ${other}`)).stdout).toMatch(/^1 host: 1 known\. /)
  })

  it('is in the history of the host, with who and why', async () => {
    await importing(`kvm2 ${mine}`, '--why', 'new rack')
    const [printed]: [string[]] = [[]]
    await main(['status', '--host', 'kvm2', '-o', 'json'], {
      environment: parts.withQueue,
      output: { ...outputOf(process.stdout, process.stderr, {}), print: (text) => void printed.push(text) },
      writeError: () => {},
      interruption: () => new AbortController().signal,
    })
    expect(statusSchema.parse(JSON.parse(printed.join(''))).hosts[0]?.history?.[0]).toMatchObject({
      what: 'hostkey',
      by: expect.stringContaining('@'),
      why: 'new rack',
      detail: `imported ecdsa-sha2-nistp256 ${fingerprint(mine)}`,
    })
  })
})

describe('hostkeys accept', () => {
  it('takes the key whose fingerprint was compared', async () => {
    await parts.store.update(keyRefused(itemOf('host-1'), mine, Date.now()))
    const { code, stdout } = await command('accept', '--host', 'kvm1', fingerprint(mine))
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `accepted: ecdsa-sha2-nistp256 ${fingerprint(mine)} of kvm1. What failed for it is tried again now.`,
    })
    const again = await command('accept', '--host', 'kvm1', fingerprint(mine), '-o', 'json')
    expect(acceptSchema.parse(JSON.parse(again.stdout))).toMatchObject({ before: true, accepted: partsOf(mine) })
  })
})

describe('one clear line', () => {
  const some = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU'

  it.each<[string, readonly string[], RegExp]>([
    ['a file that is not there', ['import', '/nowhere/keys'], /"\/nowhere\/keys" cannot be read \(ENOENT\): name a /],
    ['a folder', ['import', folder], /cannot be read \(EISDIR\)/],
    [
      'what is no fingerprint',
      ['accept', '--host', 'kvm1', 'MD5:aa:bb'],
      /"MD5:aa:bb" is no fingerprint: give SHA256:/,
    ],
    ['no host', ['accept', some], /one host is meant: give --host HOST/],
    ['a host and the jump host', ['accept', '--jump', '--host', 'kvm1', some], /one host is meant/],
    [
      'a jump host where there is none',
      ['accept', '--jump', some],
      /there is no jump host: BRIDGEKEEPER_SSH_JUMP is not/,
    ],
    ['a host that presented nothing', ['accept', '--host', 'kvm1', some], /kvm1 has presented no key that was refused/],
    ['a host that is not there', ['list', '--host', 'kmv1'], /no host matches --host "kmv1"/],
  ])('for %s', async (_, args, expected) => {
    const { code, stdout, stderr } = await command(...args)
    expect({ code, stdout, lines: stderr.split('\n').length }).toEqual({ code: 1, stdout: '', lines: 2 })
    expect(stderr).toMatch(expected)
  })

  it('for a file of no host, which is most likely the wrong one', async () => {
    const { code, stderr } = await importing(`elsewhere ${mine}`)
    expect({ code, stderr: stderr.replace(/such as.*/s, '') }).toEqual({
      code: 1,
      stderr:
        'bridgekeeper: none of 1 lines is of a host (0 are of no use): a line begins with the address or the name of a host, ',
    })
  })

  it('for more than a file of host keys can be, without reading it to its end', async () => {
    let given = 0
    const endless = Readable.from(
      (function* () {
        while (true) {
          given += 1
          yield Buffer.alloc(1024 * 1024)
        }
      })(),
    )
    await expect(readText(endless, '-')).rejects.toThrow(`"-" has more than the ${largestFile} bytes that are read.`)
    expect(given).toBeLessThan(64)
  })
})

const escaped = (text: string): string => text.replace(/[+/]/g, '\\$&')
