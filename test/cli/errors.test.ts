import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../infra/cli/main.ts'
import { outputOf } from '../../infra/cli/output.ts'
import { type EmbeddedServer, endpointOf } from '../../infra/local/cloud/embeddedServer.ts'
import { writeControl } from './cloud.ts'
import { type Parts, startParts } from './parts.ts'
import type { Ended, Environment } from './program.ts'

let parts: Parts
let page: EmbeddedServer

beforeAll(async () => {
  parts = await startParts()
  page = await startPage()
  await writeControl(parts.store, Date.now())
})

afterAll(async () => {
  await parts.stop()
  await page.stop()
})

/** A web page where DynamoDB should be. */
async function startPage(): Promise<EmbeddedServer> {
  const server = createServer((_, response) => void response.writeHead(404).end('<html>Not Found</html>'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { endpoint: endpointOf(server), stop }
}

/** The same as a process does, in this one. */
async function runHere(args: readonly string[], environment: Environment): Promise<Ended> {
  const [printed, errors]: [string[], string[]] = [[], []]
  const code = await main(args, {
    environment,
    output: { ...outputOf(process.stdout, process.stderr, {}), print: (text) => void printed.push(text) },
    writeError: (text) => void errors.push(text),
    interruption: () => new AbortController().signal,
  })
  return { code, stdout: printed.join('\n'), stderr: errors.join('') }
}

describe('one clear line', () => {
  const secret = 'k2yNeverShownAnywhere'
  const closed = 'http://127.0.0.1:9'

  it.each<[string, readonly string[], () => Environment, RegExp]>([
    [
      'half a deployment',
      ['status'],
      () => parts.environment,
      /AWS_ENDPOINT_URL_DYNAMODB is set but BRIDGEKEEPER_TABLE is not/,
    ],
    [
      'an endpoint where nobody listens',
      ['status', '--stage', 'test'],
      () => ({ ...parts.environment, AWS_ENDPOINT_URL_DYNAMODB: closed }),
      /^bridgekeeper: stage test: AWS_ENDPOINT_URL_DYNAMODB="http:\/\/127\.0\.0\.1:9" refuses the connection \(ECONNREFUSED\): check /,
    ],
    [
      'an address where something else answers',
      ['status', '--stage', 'test'],
      () => ({ ...parts.environment, AWS_ENDPOINT_URL_DYNAMODB: page.endpoint }),
      /^bridgekeeper: stage test: what answers at http:\/\/127\.0\.0\.1:\d+ is not DynamoDB or SQS: correct the address\.$/m,
    ],
    [
      'a stage that does not exist',
      ['status', '--stage', 'tset'],
      () => parts.environment,
      /^bridgekeeper: the table bridgekeeper-tset does not exist in http:\/\/127\.0\.0\.1:\d+: correct --stage or --region, /,
    ],
    [
      'a stage without queues',
      ['backfill', '--stage', 'empty'],
      () => parts.environment,
      /^bridgekeeper: the queue bridgekeeper-empty-snapshot\.fifo does not exist in /,
    ],
    [
      'a table that does not exist',
      ['status'],
      () => ({ ...parts.environment, BRIDGEKEEPER_TABLE: 'tabel' }),
      /^bridgekeeper: BRIDGEKEEPER_TABLE="tabel" does not exist in http:\/\/127\.0\.0\.1:\d+: /,
    ],
    [
      'a backfill without a queue',
      ['backfill'],
      () => parts.withTable,
      /^bridgekeeper: BRIDGEKEEPER_QUEUE_SNAPSHOT is not set: /,
    ],
    [
      'a bad driver',
      ['status'],
      () => ({ BRIDGEKEEPER_DRIVERS: 'KVM=kvm-shh' }),
      /^bridgekeeper: BRIDGEKEEPER_DRIVERS="KVM=kvm-shh" names the driver "kvm-shh", which does not exist; .*: write it like KVM=kvm-ssh/,
    ],
    [
      'a name that is no setting',
      ['status'],
      () => ({ BRIDGEKEEPER_TABEL: 'x' }),
      /^bridgekeeper: BRIDGEKEEPER_TABEL is not a setting: did you mean BRIDGEKEEPER_TABLE\?/,
    ],
    [
      'a host that does not exist',
      ['backfill', '--host', 'kmv1'],
      () => parts.withQueue,
      /^bridgekeeper: no host matches host "kmv1": names and ids are those of "bridgekeeper status"/,
    ],
    [
      'a misspelt option',
      ['status', '--zoen', 'x'],
      () => ({}),
      /^bridgekeeper: unknown option '--zoen' \(Did you mean --zone\?\)/,
    ],
    [
      'an empty selector',
      ['status', '--zone='],
      () => parts.withTable,
      /^bridgekeeper: --zone is empty or longer than 255 characters/,
    ],
  ])('for %s', async (_, args, given, expected) => {
    const { code, stdout, stderr } = await runHere(args, { CLOUDSTACK_SECRET_KEY: secret, ...given() })

    expect({ code, stdout, lines: stderr.split('\n').length }).toEqual({ code: 1, stdout: '', lines: 2 })
    expect(stderr).toMatch(expected)
    expect(stderr).not.toContain(secret)
    expect(stderr).not.toContain(parts.key.secretAccessKey)
    expect(stderr).not.toContain(parts.key.accessKeyId)
  })

  it('for a file that no service wrote', async () => {
    const data = mkdtempSync(join(tmpdir(), 'service-'))
    writeFileSync(join(data, 'service.json'), '{"pid":')
    const { code, stderr } = await runHere(['status'], { BRIDGEKEEPER_DATA: data })
    rmSync(data, { recursive: true })

    expect(code).toBe(1)
    expect(stderr).toBe(
      `bridgekeeper: ${join(data, 'service.json')} is not what a service writes: remove it and start the service again with npm start.\n`,
    )
  })
})
