import { afterAll, beforeAll, describe } from 'vitest'
import { createDynamoDbStore } from '../../shared/store/dynamodb.ts'
import type { Store } from '../../shared/store/store.ts'
import { storeContract } from '../contract/store.ts'
import { createTable } from '../contract/table.ts'
import { type DynamoDbLocal, startDynamoDbLocal } from './dynamodbLocal.ts'

describe('the store on DynamoDB Local', () => {
  let local: DynamoDbLocal
  let store: Store
  beforeAll(async () => {
    local = await startDynamoDbLocal()
    await createTable(local.client)
    store = createDynamoDbStore({ table: 'contract', client: local.client })
  })
  afterAll(() => local?.stop())

  storeContract(() => store)
})
