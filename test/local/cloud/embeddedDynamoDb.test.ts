import { once } from 'node:events'
import { request } from 'node:http'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newAccessKey } from '../../../infra/local/cloud/accessKey.ts'
import { startDynamoDb } from '../../../infra/local/cloud/embeddedDynamoDb.ts'
import type { EmbeddedServer } from '../../../infra/local/cloud/embeddedServer.ts'
import { createTable } from '../../../infra/local/cloud/resources.ts'

const key = newAccessKey()
const table = { id: 'T', name: 'table', key: [{ name: 'pk', kind: 'HASH', type: 'S' }] } as const

describe('the embedded DynamoDB', () => {
  let server: EmbeddedServer
  const clientWith = (credentials: typeof key) =>
    new DynamoDBClient({ region: 'us-east-1', endpoint: server.endpoint, credentials, maxAttempts: 1 })

  beforeAll(async () => {
    server = await startDynamoDb(key, undefined)
  })
  afterAll(() => server.stop())

  test('keeps a table that exists', async () => {
    const client = clientWith(key)
    await createTable(client, table)
    await createTable(client, table)
    expect((await client.send(new ListTablesCommand({}))).TableNames).toEqual(['table'])
    client.destroy()
  })

  test('listens on 127.0.0.1 only, and serves nobody who does not name its key', async () => {
    expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect((await fetch(server.endpoint)).status).toBe(403)
    await expect(clientWith(newAccessKey()).send(new ListTablesCommand({}))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    })
  })

  test('survives a client that goes away in the middle of a request', async () => {
    const authorization = `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/20260101/us-east-1/dynamodb/aws4_request`
    const headers = {
      authorization,
      expect: '100-continue',
      'content-length': 1000,
      'content-type': 'application/x-amz-json-1.0',
    }
    const half = request(server.endpoint, { method: 'POST', headers })
    half.flushHeaders()
    await once(half, 'continue')
    half.on('error', () => undefined)
    await new Promise((resolve) => half.on('close', resolve).destroy())
    const client = clientWith(key)
    expect((await client.send(new ListTablesCommand({}))).TableNames).toBeDefined()
    client.destroy()
  })
})
