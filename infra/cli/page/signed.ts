/**
 * Requests to AWS that are signed with the caller's own rights (Signature Version 4): to Lambda's API, which knows a function's address, and to that
 * address. In: an environment. Out: `get`, bounded in time and size. The SDK's own chain finds keys and region, its own signer signs.
 */
import { request as http, type IncomingMessage } from 'node:http'
import { request as https } from 'node:https'
import { SignatureV4 } from '@smithy/signature-v4'
import { dynamoDbClient } from '../../../shared/runtime/clients.ts'
import type { Environment } from '../../../shared/runtime/configuration.ts'

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export type Get = (url: URL, signal?: AbortSignal) => Promise<Answered>

const timeout = 40_000
/** Lambda answers with 6 MB at most. */
const largest = 8 * 1024 * 1024

export interface Signing {
  readonly get: Get
  /** Of Lambda's API in the region. @throws what the SDK throws where no region is set */
  readonly lambdaApi: () => Promise<URL>
  close(): void
}

export function signing(environment: Environment): Signing {
  // Never asked anything: it is how the SDK finds region and keys.
  const client = dynamoDbClient(environment)
  const { credentials, region, sha256 } = client.config
  const signer = new SignatureV4({ service: 'lambda', region, credentials, sha256 })
  const endpoint = environment.AWS_ENDPOINT_URL_LAMBDA ?? environment.AWS_ENDPOINT_URL
  return {
    lambdaApi: async () => new URL(endpoint ?? apiIn(await region())),
    get: async (url, signal) => {
      const signed = await signer.sign({
        ...{ method: 'GET', protocol: url.protocol, hostname: url.hostname, path: url.pathname },
        query: Object.fromEntries(url.searchParams),
        headers: { host: url.host },
      })
      // An emulator answers for every address at its own, and tells them apart by the name that was asked for.
      const at = endpoint === undefined ? new URL(url) : new URL(url.pathname, endpoint)
      at.search = queryAsSigned(url)
      return asked(at, signed.headers, signal)
    },
    close: () => client.destroy(),
  }
}

const apiIn = (region: string): string =>
  `https://lambda.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`

/** As the signature has it: a browser's form writes a space as +, which there would be a plus. */
const queryAsSigned = ({ searchParams }: URL): string =>
  [...searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)

function asked(url: URL, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<Answered> {
  const ends = AbortSignal.any([AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])])
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? https : http
    send(url, { headers, signal: ends }, (response) => {
      bodyOf(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      )
    })
      .once('error', reject)
      .end()
  })
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    if (bytes > largest) throw new Error(`the answer is larger than ${largest} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
