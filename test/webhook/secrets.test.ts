import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { secretsClient } from '../../shared/runtime/clients.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { webhookSecretOf } from '../../shared/runtime/webhookSecret.ts'
import { newSecret, secretInFile } from '../../shared/webhook/secret.ts'
import { holdSecrets } from '../../shared/webhook/secrets.ts'
import { startFakeSecretsManager } from '../runtime/fakeSecretsManager.ts'

describe('a secret in a file', () => {
  let folder: string
  const file = () => join(folder, 'webhook', 'eu', 'secret')
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'webhook-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is none at first, then what was written, for its owner’s eyes alone', async () => {
    const keeper = secretInFile(file())
    expect(await keeper.read()).toBeUndefined()
    const secret = newSecret()
    await keeper.write(secret)
    expect(await keeper.read()).toBe(secret)
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(readdirSync(dirname(file()))).toEqual(['secret'])
  })

  it('that others may read, or that is none, is refused without being shown', async () => {
    const keeper = secretInFile(file())
    await keeper.write('a-secret-that-is-long-enough')
    chmodSync(file(), 0o644)
    await expect(keeper.read()).rejects.toThrow(/may be read by others: chmod 600 it/)
    chmodSync(file(), 0o600)
    writeFileSync(file(), 'two words of it')
    await expect(keeper.read()).rejects.toThrow(/holds no secret of 16 to 255 characters without spaces$/)
  })
})

it('a secret of AWS is one for each cloud, made when it is first written', async () => {
  const fake = await startFakeSecretsManager()
  const environment = {
    ...{ BRIDGEKEEPER_WEBHOOK_SECRET: 'bridgekeeper/webhook', BRIDGEKEEPER_CLOUD: 'eu', AWS_REGION: 'eu-central-1' },
    ...{ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_ENDPOINT_URL_SECRETS_MANAGER: fake.endpoint },
  }
  expect(secretsClient(environment)).toBeDefined()
  const keeper = webhookSecretOf(parseConfiguration(environment), environment)
  expect(await keeper.read()).toBeUndefined()
  await keeper.write('a-secret-that-is-long-enough')
  expect([...fake.secrets]).toEqual([['bridgekeeper/webhook/eu', 'a-secret-that-is-long-enough']])
  expect(await keeper.read()).toBe('a-secret-that-is-long-enough')
  await fake.stop()
})

describe('secrets that are held', () => {
  const scene = () => {
    const clock = { now: 1_000_000 }
    const kept: Record<string, string> = { eu: 'the first of eu' }
    const reads: string[] = []
    const errors: unknown[] = []
    const read = async (cloud: string) => {
      reads.push(cloud)
      if (cloud === 'broken') throw new Error('no right to read it')
      return kept[cloud]
    }
    const logger = { error: (_message: string, fields?: object) => void errors.push(fields) }
    const secrets = holdSecrets(['eu', 'us', 'broken'], read, () => clock.now, logger)
    return { clock, kept, reads, errors, secrets }
  }

  it('are read once in five minutes, and those that cannot be read stop no other', async () => {
    const { clock, kept, reads, errors, secrets } = scene()
    expect(await secrets.current()).toEqual(new Map([['eu', 'the first of eu']]))
    kept.us = 'the first of us'
    expect(await secrets.current()).toEqual(new Map([['eu', 'the first of eu']]))
    expect(reads).toHaveLength(3)
    expect(errors).toEqual([{ cloud: 'broken', error: 'Error: no right to read it' }])
    clock.now += 300_000
    expect((await secrets.current()).get('us')).toBe('the first of us')
  })

  it('are read anew where none fits, once a minute however many ask', async () => {
    const { clock, kept, reads, secrets } = scene()
    await secrets.current()
    kept.eu = 'the second of eu'
    for (let times = 0; times < 1000; times += 1) await secrets.anew()
    expect(reads).toHaveLength(3)
    clock.now += 60_000
    for (let times = 0; times < 1000; times += 1) await secrets.anew()
    expect(reads).toHaveLength(6)
    expect((await secrets.current()).get('eu')).toBe('the second of eu')
  })
})
