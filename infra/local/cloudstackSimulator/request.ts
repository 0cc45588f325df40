/**
 * From an HTTP request to a command. In: a GET with a query, or a form POST. Out: the parameters as they came, repeated
 * ones too, since the signature is judged by them; undefined for a method that the server does not serve.
 */
import type { IncomingMessage } from 'node:http'
import type { Parameters } from './listing.ts'

export interface Asked {
  /** Empty where none was named. */
  readonly command: string
  readonly parameters: Parameters
  readonly pairs: readonly (readonly [string, string])[]
  /** XML unless `response=json`. */
  readonly json: boolean
}

const largestBody = 1024 * 1024

export async function readRequest(request: IncomingMessage): Promise<Asked | undefined> {
  if (request.method !== 'GET' && request.method !== 'POST') return undefined
  const { searchParams } = new URL(request.url ?? '/', 'http://simulator')
  const form = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false
  const body = await readBody(request)
  const pairs = [...searchParams, ...new URLSearchParams(form ? body : '')]
  const parameters = new Map(pairs)
  const json = parameters.get('response') === 'json'
  return { command: parameters.get('command') ?? '', parameters, pairs, json }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > largestBody) throw new Error(`A request of more than ${largestBody} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}
