import { createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, describe as group, it } from 'vitest'
import { createAuthority } from '../../infra/local/cloudstackSimulator/authority.ts'
import { type Credentials, check, describe } from '../../shared/certificate/credentials.ts'
import { bits, elements, octets, oid, sequence, tagged } from '../../shared/certificate/der.ts'
import { issue } from '../../shared/certificate/issue.ts'
import { type Asked, type Came, judge } from '../../shared/certificate/judge.ts'
import { certificateRequest, pem } from '../../shared/certificate/request.ts'
import { day, name, publicKeyOf, startWorld, type World } from './world.ts'

let world: World
let first: Credentials
beforeAll(async () => {
  world = await startWorld()
  first = await world.issued({ days: 90 })
})
afterAll(() => world.stop())
afterEach(() => {
  delete world.simulator.faults.rewrite
})

group('a certificate from CloudStack', () => {
  it('is for our name and our key, for as long as was asked, and is usable with its CA', () => {
    expect(() => check(first)).not.toThrow()
    const { commonName, issuer, from, to, ca } = describe(first)
    expect({ commonName, issuer }).toEqual({ commonName: name, issuer: 'CN=ca.cloudstack.apache.org' })
    expect(Math.round((to - from) / day)).toBe(91) // 90 days, and half a day before now: rounded
    expect(first.ca).toBe(world.simulator.authority.certificate())
    expect(ca).toHaveLength(1)
  })

  it('is renewed with the same key, and with another only when that is asked for', async () => {
    const renewed = await world.issued({}, first)
    expect(renewed.key).toBe(first.key)
    expect(renewed.certificate).not.toBe(first.certificate)
    expect(describe(renewed).publicKey).toBe(describe(first).publicKey)
    const other = await world.issued({ newKey: true }, first)
    expect(publicKeyOf(other)).not.toBe(publicKeyOf(first))
  })

  it('is renewed with a key of EC that was made elsewhere', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(
      new X509Certificate((await world.issued({}, { ...first, key })).certificate).publicKey.asymmetricKeyType,
    ).toBe('ec')
  })

  it('comes for a request alone: the private key is in no request', async () => {
    const parameters: string[] = []
    const watched = {
      call: async <T>(...args: Parameters<typeof world.client.call<T>>) => {
        parameters.push(JSON.stringify(args[1]))
        return world.client.call(...args)
      },
    }
    const { key } = await issue(watched, undefined, { commonName: name }, world.waiting)
    expect(parameters.join()).not.toContain('PRIVATE')
    const secret = key.split('\n').slice(1, 3)
    for (const line of secret) expect(parameters.join()).not.toContain(line)
  })

  it('that brings a private key along is used without it', async () => {
    world.simulator.faults.rewrite = (command, answer) => {
      const certificates = {
        ...(answer as { jobresult?: { certificates?: object } }).jobresult?.certificates,
        privatekey: 'x',
      }
      return command === 'queryAsyncJobResult' && 'jobresult' in answer
        ? { ...answer, jobresult: { certificates } }
        : answer
    }
    expect(JSON.stringify(await world.issued({}, first))).not.toContain('"x"')
  })

  it('is not asked for with a key that cannot be read, of which nothing is told', async () => {
    await expect(world.issued({}, { ...first, key: 'no key' })).rejects.toThrow(
      'the key is no unencrypted private key in PEM',
    )
  })

  it('is refused with CloudStack’s own words where its job fails', async () => {
    world.simulator.faults.rewrite = (command, answer) =>
      command === 'queryAsyncJobResult'
        ? { jobstatus: 2, jobresult: { errorcode: 530, errortext: 'No\u001b[2J CA\nhere' } }
        : answer
    await expect(world.issued()).rejects.toThrow(
      "CloudStack's job of issueCertificate failed with 530 (No [2J CA here)",
    )
  })

  it('whose job never ends is given up', async () => {
    world.simulator.faults.rewrite = (command, answer) =>
      command === 'queryAsyncJobResult' ? { jobstatus: 0 } : answer
    const before = world.clock.now
    const sleep = async (wait: number): Promise<void> => {
      world.clock.now += wait
    }
    await expect(issue(world.client, undefined, { commonName: name }, { ...world.waiting, sleep })).rejects.toThrow(
      /did not end within 60 s/,
    )
    expect(world.clock.now - before).toBeLessThanOrEqual(60_000)
    world.clock.now = before
  })

  it.each([
    ['nothing', {}],
    ['no certificate', { certificates: { certificate: 'x', cacertificates: 'y' } }],
    [
      'half a certificate',
      {
        certificates: {
          certificate: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
          cacertificates: 'y',
        },
      },
    ],
    ['a megabyte', { certificates: { certificate: 'x'.repeat(1_000_000), cacertificates: 'y' } }],
  ])('of which %s comes is refused', async (_says, jobresult) => {
    world.simulator.faults.rewrite = (command, answer) =>
      command === 'queryAsyncJobResult' ? { jobstatus: 1, jobresult } : answer
    await expect(world.issued()).rejects.toThrow(
      /is not understood|holds a certificate that cannot be read|holds not from one/,
    )
  })
})

const some = (parts: readonly (Buffer | undefined)[]): readonly Buffer[] => parts.flatMap((part) => part ?? [])

group('what came is refused', () => {
  const now = (): number => world.clock.now
  const asked = (more: Partial<Asked> = {}): Asked => ({
    publicKey: createPublicKey(first.key),
    commonName: name,
    now: now(),
    ...more,
  })
  const ofOther = createAuthority(() => Date.now())
  const another = (parameters: Record<string, string>) =>
    world.simulator.authority.issue(new Map(Object.entries(parameters)))
  const request = (commonName = name): string => certificateRequest(newEcKey(), commonName)
  const newEcKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const came = (more: Partial<Came> = {}): Came => ({ certificate: first.certificate, ca: first.ca, ...more })

  it('not where all is right', () => {
    expect(() => judge(came(), asked({ keptCa: first.ca }))).not.toThrow()
  })

  it.each<[string, () => [Came, Asked], RegExp]>([
    [
      'for another key',
      () => [came({ certificate: another({ csr: request() }).certificate }), asked()],
      /another public key/,
    ],
    [
      'for another name',
      () => [came(), asked({ commonName: 'other.example.org' })],
      /it is for "CN=bridgekeeper\.example\.org", not CN=other/,
    ],
    ['that is of another CA', () => [came({ ca: ofOther.certificate() }), asked()], /no valid chain/],
    ['that has ended', () => [came(), asked({ now: now() + 91 * day })], /it ends on .*less than a day/],
    ['that ends in an hour', () => [came(), asked({ now: now() + 90 * day - 3_600_000 })], /less than a day/],
    ['that begins later', () => [came(), asked({ now: now() - 2 * day })], /it begins on .*NTP/],
    ['with a second one', () => [came({ certificate: first.certificate + first.ca }), asked()], /several came/],
    [
      'that is the CA’s own',
      () => [
        came({ certificate: first.ca }),
        asked({ publicKey: new X509Certificate(first.ca).publicKey, commonName: 'ca.cloudstack.apache.org' }),
      ],
      /not one for a client/,
    ],
    [
      'of another CA than the kept one',
      () => [came(), asked({ keptCa: ofOther.certificate() })],
      /another than the one that is kept.*--accept-new-ca/,
    ],
  ])('%s', (_says, given, says) => {
    const [what, wanted] = given()
    expect(() => judge(what, wanted)).toThrow(says)
  })

  it.each([
    ['servers only', '2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1')), false],
    ['clients', '2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2')), true],
    ['encryption of keys only', '2.5.29.15', bits(Buffer.from([0x20]), 5), false],
    ['signatures', '2.5.29.15', bits(Buffer.from([0x80]), 7), true],
  ])('for a use: %s', async (_says, id, value, isFine) => {
    const { privateKey: caKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const issuedByHand = withExtension(caKey, id, value)
    const verdict = () => judge(issuedByHand, asked({ publicKey: createPublicKey(first.key) }))
    if (isFine) expect(verdict).not.toThrow()
    else expect(verdict).toThrow(/not one for a client/)
  })

  /** A CA of its own and a certificate with one more extension, put together from those of the simulator. */
  function withExtension(caKey: KeyObject, id: string, value: Buffer): Came {
    const resign = (certificate: string, key: Buffer | undefined, more: Buffer | undefined): string => {
      const [whole] = elements(new X509Certificate(certificate).raw)
      const [told] = elements(whole?.content ?? Buffer.alloc(0))
      const fields = elements(told?.content ?? Buffer.alloc(0))
      const [version, serial, , issuer, validity, subject, spki, extensions] = fields.map((field) => field.whole)
      const list = elements(elements(extensions ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0))[0]
      const parts = elements(list?.content ?? Buffer.alloc(0)).map((each) => each.whole)
      const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
      const kept = more === undefined ? parts : [...parts.slice(1), more] // without the identifier of the CA's old key
      const body = sequence(
        ...some([version, serial, algorithm, issuer, validity, subject, key ?? spki]),
        tagged(3, sequence(...kept)),
      )
      return pem('CERTIFICATE', sequence(body, algorithm, bits(sign('sha256', body, caKey))))
    }
    const spki = createPublicKey(caKey).export({ type: 'spki', format: 'der' })
    return {
      certificate: resign(first.certificate, undefined, sequence(oid(id), octets(value))),
      ca: resign(first.ca, spki, undefined),
    }
  }
})
