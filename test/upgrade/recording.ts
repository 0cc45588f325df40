/**
 * What a deployment of a release left, as a file: nothing of the machine that recorded it, and what is another one each time the world is made
 * (addresses, the port, keys, boot ids) under a name. In: what was left, the world. Out: the file's text; and from that, in another world, the same.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import type { QueueName } from '../../shared/queue/queues.ts'
import type { Left, World } from './scene.ts'

/** A message as it lay in its queue. */
const letter = z.object({
  queue: z.custom<QueueName>((value) => typeof value === 'string'),
  message: z.object({ body: z.looseObject({ v: z.number() }), group: z.string(), deduplication: z.string() }),
})
const file = z.object({
  clock: z.number(),
  items: z.array(
    z.record(
      z.string(),
      z.custom<AttributeValue>((value) => typeof value === 'object'),
    ),
  ),
  sent: z.array(letter),
})

export type Recording = z.infer<typeof file>

/** What is in this world, and what stands for it in the file. The longest first, since one address may begin as another one does. */
function names({ hosts }: World): readonly (readonly [string, string])[] {
  const lines = hosts.knownHosts().split('\n').filter(Boolean)
  const keyOf = new Map(lines.map((line) => [/^\[(.*?)\]/.exec(line)?.[1], line.slice(line.indexOf(' ') + 1)]))
  const all = hosts.hosts.flatMap(({ name, address, bootId }): readonly (readonly [string, string])[] => [
    [keyOf.get(address) ?? '', `<key of ${name}>`],
    [bootId(), `<boot id of ${name}>`],
    [address, `<address of ${name}>`],
  ])
  return [...all, [`:${hosts.port}`, ':<port>'] as const].toSorted(([one], [other]) => other.length - one.length)
}

export function recorded(world: World, { items, sent }: Left): string {
  const plain = items.map((item) =>
    Object.fromEntries(
      Object.entries(item).map(([name, value]) => [
        name,
        value.B === undefined ? value : { B: Buffer.from(value.B).toString('base64') },
      ]),
    ),
  )
  const text = JSON.stringify({ clock: world.clock, items: plain, sent }, undefined, 1)
  return names(world).reduce((done, [here, there]) => done.replaceAll(here, there), `${text}\n`)
}

export function replayed(world: World, text: string): Recording {
  const here = names(world).reduce((done, [value, name]) => done.replaceAll(name, value), text)
  const { items, ...rest } = file.parse(JSON.parse(here))
  const binary = (value: AttributeValue): AttributeValue =>
    value.B === undefined ? value : { B: Buffer.from(String(value.B), 'base64') }
  return {
    ...rest,
    items: items.map((item) => Object.fromEntries(Object.entries(item).map(([name, value]) => [name, binary(value)]))),
  }
}
