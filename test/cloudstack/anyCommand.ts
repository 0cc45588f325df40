/** Any command at all, for tests: the client itself takes only those that Bridgekeeper makes (calls.ts). */
import type * as z from 'zod'
import type { CloudStackOptions } from '../../shared/cloudstack/client.ts'
import { openGate } from '../../shared/cloudstack/gate.ts'
import { createSend } from '../../shared/cloudstack/transport.ts'
import { silent } from '../../shared/runtime/logger.ts'

type Options = Pick<CloudStackOptions, 'url' | 'apiKey' | 'secretKey'>
type AnyCommand = <T>(command: string, parameters: Readonly<Record<string, string>>, schema: z.ZodType<T>) => Promise<T>

export function anyCommand({ url, apiKey, secretKey }: Options, timeoutMs = 5_000): AnyCommand {
  const beside = { gate: openGate, logger: silent, now: Date.now, sleep: async () => {} }
  const send = createSend({ url, apiKey, secretKey, timeoutMs, ...beside })
  return async (command, parameters, schema) => schema.parse(await send({ command, parameters }))
}
