/**
 * Whole runs, and all that they told anybody, searched for every secret that was used in them: servers say them back, files
 * of ours are broken. An SSH host is told no secret: a key never leaves us.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { found, textsOf } from './searched.ts'
import { startTellingCloud, type TellingCloud } from './tellingCloud.ts'

let world: TellingCloud

/** Of each kind at least one was used: what was not there could not be found. */
function expectNothingFound(unused?: string): void {
  const secrets = world.secrets()
  const missing = Object.keys(secrets).filter((name) => secrets[name]?.length === 0)
  expect(missing).toEqual(unused === undefined ? [] : [unused])
  expect(found(world.told(), secrets)).toEqual([])
}

async function commands(): Promise<string> {
  const hosts = ['kvm1', 'xen1', 'esx1'].map((host) => ['status', '--host', host, '--history'])
  let printed = ''
  for (const args of [['status'], ['status', '--output', 'json'], ...hosts, ['jobs'], ['doctor']])
    printed += await world.command(...args)
  return printed
}

describe('no secret is in what is told', () => {
  beforeEach(async () => {
    world = await startTellingCloud()
  })
  afterEach(() => world.stop())

  it.each(['RetrieveServiceContent', 'Login', 'FindByInventoryPath'])(
    'where vCenter says it back with its refusal of %s',
    async (method) => {
      world.vcenter.refused = method
      await world.run()
      const printed = await commands()
      expect(world.vcenter.echoes).toBeGreaterThan(0)
      expect(printed).toContain('InvalidLogin: no: (hidden) (hidden) (hidden)')
      expectNothingFound()
    },
  )

  it.each(['session.login_with_password', 'pool.get_all_records', 'network.create', 'VLAN.create'])(
    'where XAPI says it back with its refusal of %s',
    async (method) => {
      world.xapi.refused = method
      await world.run()
      const printed = await commands()
      expect(world.xapi.echoes).toBeGreaterThan(0)
      expect(printed).toContain('INTERNAL_ERROR no: (hidden)')
      expectNothingFound(method.startsWith('session.') ? 'session of XAPI' : undefined)
    },
  )

  it.each(['listHosts', 'listEvents', 'listNetworks', 'listCapabilities'])(
    'where CloudStack says it back with its refusal of %s',
    async (command) => {
      await world.run()
      world.cloudstack.refused = command
      await world.run()
      const printed = await commands()
      expect(world.cloudstack.echoes).toBeGreaterThan(0)
      expect(printed).toContain(`refused ${command} with 432`)
      expectNothingFound()
    },
  )
})

describe('a file that is broken', () => {
  afterEach(() => world.stop())

  it.each([
    ['a key of SSH that is cut', 'BRIDGEKEEPER_SSH_KEY_FILE', (good: string) => good.slice(0, -50)],
    ['hosts’ keys that are the key of SSH', 'BRIDGEKEEPER_SSH_KNOWN_HOSTS', undefined],
    ['XAPI’s credentials that are no JSON', 'BRIDGEKEEPER_XAPI_CREDENTIALS_FILE', (good: string) => good.slice(0, -3)],
    ['vCenter’s with a field too many', 'BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE', withPasswordAsName],
  ])('%s: it is named, and nothing of it is told', async (_what, setting, damage) => {
    let key = ''
    world = await startTellingCloud((good, name) => {
      if (name === 'BRIDGEKEEPER_SSH_KEY_FILE') key = good
      return name === setting ? (damage?.(good) ?? key) : good
    })
    await world.run()
    expect(await commands()).toContain(setting === 'BRIDGEKEEPER_SSH_KNOWN_HOSTS' ? 'HostKeyUnknown' : setting)
    expect(found(world.told(), world.secrets())).toEqual([])
  })
})

/** A password that slipped to the left. */
function withPasswordAsName(good: string): string {
  const { default: login } = JSON.parse(good)
  return JSON.stringify({ default: { ...login, [login.password]: 1 } })
}

describe('the search', () => {
  const secret = `p"w'<0123456789&> %+/abcdefghijkl`
  const base64 = Buffer.from(secret).toString('base64')

  it.each([
    ['a text', secret],
    ['a part of it, as where a text was cut', `no: ${secret.slice(0, 14)}`],
    ['a field', { a: [{ b: secret }] }],
    ['a name of a field', { [secret]: 1 }],
    ['an error’s cause', new Error('x', { cause: new Error(secret) })],
    ['an error’s stack', Object.assign(new Error('x'), { stack: secret })],
    ['a binary value', { B: Buffer.from(secret) }],
    ['JSON in a text', JSON.stringify(JSON.stringify({ secret })).slice(1, -1)],
    ['an address', `https://x/?p=${encodeURIComponent(secret)}`],
    ['Base64', `Basic ${base64}`],
    ['XML', `<a b="p&quot;w&apos;&lt;0123456789&amp;&gt; %+/"/>`],
  ])('finds a secret in %s', (_where, told) => {
    expect(found(textsOf(told), { password: [secret] })).toHaveLength(1)
  })

  it('finds none where none is', () => {
    expect(found(textsOf([{ a: `p"w'<` }, new Error('0123456789')]), { password: [secret] })).toEqual([])
  })
})
