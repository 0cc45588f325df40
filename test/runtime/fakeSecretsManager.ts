/** A fake of AWS Secrets Manager in this process, over HTTP as the SDK speaks it: three actions, names, and the errors that we read. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import * as z from 'zod'

export interface FakeSecretsManager {
  readonly endpoint: string
  readonly secrets: Map<string, string>
  /** Every action, in order. */
  readonly actions: string[]
  /** Every action ends in this error from now on, as AWS names it. */
  refuse(type: string): void
  stop(): Promise<void>
}

const request = z.object({
  SecretId: z.string().optional(),
  Name: z.string().optional(),
  SecretString: z.string().optional(),
})

export async function startFakeSecretsManager(): Promise<FakeSecretsManager> {
  const secrets = new Map<string, string>()
  const actions: string[] = []
  let refusal: string | undefined
  const server = createServer(async (message, response) => {
    const action = String(message.headers['x-amz-target']).replace('secretsmanager.', '')
    const { SecretId = '', Name = SecretId, SecretString = '' } = request.parse(JSON.parse(await text(message)))
    actions.push(action)
    const end = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body))
    }
    if (refusal !== undefined) return end(400, { __type: refusal, Message: `${action} on ${Name}: no` })
    const known = secrets.get(Name)
    if (action === 'CreateSecret' ? known !== undefined : known === undefined) {
      return end(400, {
        __type: action === 'CreateSecret' ? 'ResourceExistsException' : 'ResourceNotFoundException',
        Message: 'no',
      })
    }
    if (action !== 'GetSecretValue') secrets.set(Name, SecretString)
    end(200, {
      ARN: `arn:aws:secretsmanager:eu-central-1:1:secret:${Name}`,
      Name,
      VersionId: 'v',
      SecretString: secrets.get(Name),
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    secrets,
    actions,
    refuse: (type) => {
      refusal = type
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
