/**
 * The store on DynamoDB, or on anything that speaks its protocol. In: keys and writes as data. Out: items. A condition
 * that does not hold is an answer; everything else that fails is thrown as the SDK throws it, after its own retries.
 */
import { ConditionalCheckFailedException, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { conditionExpression, expression } from './expression.ts'
import type { Condition, Item, Key, Range, Store, Write } from './store.ts'

export interface DynamoDbOptions {
  readonly table: string
  readonly client: DynamoDBClient
}

export function createDynamoDbStore({ table, client }: DynamoDbOptions): Store {
  const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } })

  const get = async (key: Key): Promise<Item | undefined> => {
    const { Item } = await documents.send(new GetCommand({ TableName: table, Key: { ...key }, ConsistentRead: true }))
    return Item === undefined ? undefined : asItem(Item)
  }

  const list = async (pk: string, prefix: string, range: Range = {}): Promise<readonly Item[]> => {
    const items: Item[] = []
    const { limit = Number.POSITIVE_INFINITY, after, newestFirst = false } = range
    let from: Record<string, unknown> | undefined = after === undefined ? undefined : { pk, sk: after }
    do {
      const page = await documents.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :sk)',
          ExpressionAttributeValues: { ':pk': pk, ':sk': prefix },
          ConsistentRead: true,
          ScanIndexForward: !newestFirst,
          ...(Number.isFinite(limit) ? { Limit: limit - items.length } : {}),
          ...(from === undefined ? {} : { ExclusiveStartKey: from }),
        }),
      )
      items.push(...(page.Items ?? []).map(asItem))
      from = page.LastEvaluatedKey
    } while (from !== undefined && items.length < limit)
    return items
  }

  const update = async (write: Write): Promise<Item | undefined> => {
    try {
      const { Attributes } = await documents.send(
        new UpdateCommand({ TableName: table, Key: { ...write.key }, ...expression(write), ReturnValues: 'ALL_NEW' }),
      )
      return asItem({ ...write.key, ...Attributes })
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined
      throw error
    }
  }

  const remove = async (key: Key, when?: Condition): Promise<boolean> => {
    const condition = when === undefined ? {} : conditionExpression(when)
    return holds(() => documents.send(new DeleteCommand({ TableName: table, Key: { ...key }, ...condition })))
  }

  return { get, list, update, delete: remove }
}

/** A condition that does not hold is an answer, not an error. */
async function holds(send: () => Promise<unknown>): Promise<boolean> {
  try {
    await send()
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}

/** The document client's values are the store's values: strings, numbers, booleans, null, bytes, lists, maps. */
function asItem(attributes: Record<string, unknown>): Item {
  const { pk, sk } = attributes
  if (typeof pk !== 'string' || typeof sk !== 'string') throw new TypeError('an item without pk and sk was read')
  return { ...(attributes as Record<string, never>), pk, sk }
}
