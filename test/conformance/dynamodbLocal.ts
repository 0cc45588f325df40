/**
 * AWS's own DynamoDB Local, as another process. In: the folder with its jars (`npm run parts`). Out: a client for it, and
 * its end. It listens on every interface, so it is started only inside a private namespace.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import type { Availability } from '../../infra/local/bed/bed.ts'
import { isInstalled } from '../../infra/local/bed/command.ts'
import { insideNamespace } from '../../infra/local/bed/namespace.ts'
import { freePort } from '../freePort.ts'

const jars = join(import.meta.dirname, '../../.parts/dynamodb-local')

export function dynamoDbLocalAvailable(): Availability {
  if (!isInstalled('java'))
    return { available: false, missing: 'java 17 or later (apt-get install openjdk-17-jre-headless)' }
  if (!fetched()) return { available: false, missing: 'its jars (npm run parts, which needs Maven)' }
  if (!insideNamespace())
    return { available: false, missing: 'a private namespace, since it listens everywhere (run npm test as root)' }
  return { available: true }
}

function fetched(): boolean {
  mkdirSync(jars, { recursive: true })
  return readdirSync(jars).some((name) => name.startsWith('DynamoDBLocal-'))
}

export interface DynamoDbLocal {
  readonly client: DynamoDBClient
  stop(): Promise<void>
}

export async function startDynamoDbLocal(): Promise<DynamoDbLocal> {
  const port = await freePort()
  const options = ['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)]
  const runner = 'software.amazon.dynamodb.services.local.main.ServerRunner'
  const args = [`-Dsqlite4java.library.path=${jars}`, '-cp', `${jars}/*`, runner, ...options]
  const child = spawn('java', args, { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  await untilItAnswers(client)
  return {
    client,
    stop: async () => {
      client.destroy()
      child.kill()
      await ended
    },
  }
}

async function untilItAnswers(client: DynamoDBClient): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(200)) {
    const answers = await client.send(new ListTablesCommand({})).then(
      () => true,
      () => false,
    )
    if (answers) return
  }
  throw new Error('DynamoDB Local did not answer within a minute')
}
