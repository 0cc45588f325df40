import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import dynalite from 'dynalite'
import { afterAll, beforeAll, describe } from 'vitest'
import { createDynamoDbStore } from '../../shared/store/dynamodb.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import type { Store } from '../../shared/store/store.ts'
import { storeContract } from './store.ts'
import { createTable } from './table.ts'

describe('the store in memory', () => {
  const store = createMemoryStore()
  storeContract(() => store)
})

describe('the store on dynalite', () => {
  const server = dynalite({ createTableMs: 0 })
  let store: Store

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const client = new DynamoDBClient({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'local',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    })
    await createTable(client)
    store = createDynamoDbStore({ table: 'contract', client })
  })

  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())))

  storeContract(() => store)
})
