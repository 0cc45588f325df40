/** Asked over HTTP by CloudStack's webhook. Out: a snapshot that begins, once a minute at most. */
import { setTimeout as sleep } from 'node:timers/promises'
import { answerHook } from '../../shared/flow/webhook.ts'
import { httpLambda } from '../../shared/runtime/lambda.ts'
import { holdSecrets } from '../../shared/webhook/secrets.ts'

export const create = httpLambda('webhook', (runtimes, logger) => {
  const portsOf = (cloud: string) => runtimes.of(cloud).ports
  const read = async (cloud: string) => runtimes.of(cloud).webhookSecret().read()
  const secrets = holdSecrets(runtimes.clouds, read, Date.now, logger)
  return (request) => answerHook(request, { secrets, portsOf, sleep })
})

export const handler = create(process.env)
