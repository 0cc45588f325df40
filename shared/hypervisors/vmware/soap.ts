/**
 * vCenter's web service over HTTPS: one method a request, every wait and every answer bounded. In: an address, whom to trust. Out:
 * an endpoint whose calls give the answer's body, or throw VimFault (vCenter's own fault) or HostError (no answer that can be
 * used). A password leaves only over a connection whose certificate was judged. Why no library: docs/design.md.
 */
import { Agent } from 'node:https'
import axios, { type AxiosInstance, isAxiosError } from 'axios'
import { HostError } from '../driver.ts'
import { hidden } from '../hidden.ts'
import { type Trust, trusting, untrustedCodes } from '../trust.ts'
import {
  all,
  at,
  type Element,
  element,
  parseXml,
  type Ref,
  reference,
  textAt,
  type Written,
  XmlRefused,
} from './xml.ts'

/** What vCenter answers instead of a result: the type of its fault, as NotAuthenticated. */
export class VimFault extends Error {
  override readonly name = 'VimFault'
  readonly type: string
  /** What stands in the fault, as the privilege that is missing. */
  readonly fault: Element | undefined
  constructor(type: string, message: string, fault?: Element) {
    super(`${type}: ${message}`.slice(0, 2000))
    this.type = type
    this.fault = fault
  }
}

export interface Patience {
  /** Milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal
}

export interface Endpoint {
  /** @returns the element of the method's response. @throws VimFault, HostError */
  call(method: string, self: Ref, content: readonly Written[], patience: Patience): Promise<Element>
  close(): void
}

const largestAnswer = 64 * 1024 * 1024
const envelope = ['http://schemas.xmlsoap.org/soap/envelope/', 'http://www.w3.org/2001/XMLSchema-instance'] as const

export function connectVim(url: URL, trust: Trust): Endpoint {
  let http: Promise<{ readonly client: AxiosInstance; readonly agent: Agent }> | undefined
  let cookie: string | undefined

  const open = async (signal: AbortSignal | undefined): Promise<AxiosInstance> => {
    http ??= opened(url, trust, signal)
    try {
      return (await http).client
    } catch (error) {
      http = undefined
      throw error
    }
  }

  async function call(
    method: string,
    self: Ref,
    content: readonly Written[],
    { timeout, signal }: Patience,
  ): Promise<Element> {
    const ends = AbortSignal.any([AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])])
    try {
      signal?.throwIfAborted()
      const client = await open(signal)
      const sent = cookie
      const headers = sent === undefined ? {} : { Cookie: sent }
      const body = envelopeOf(method, self, content)
      const {
        data,
        status,
        headers: answered,
      } = await client.post<string>(url.href, body, {
        timeout,
        signal: ends,
        headers,
      })
      cookie = cookieIn(answered['set-cookie']) ?? cookie
      return resultOf(hidden(data, [sent, cookie].flatMap(sessionsIn)), status, method, url.host)
    } catch (error) {
      if (error instanceof VimFault || error instanceof HostError) throw error
      if (signal?.aborted) throw new HostError('TimeOut', `What ${url.host} was asked was ended by its run.`)
      throw hostErrorOf(error, url.host, method, timeout)
    }
  }

  return {
    call,
    close: () => {
      http?.then(
        ({ agent }) => agent.destroy(),
        () => undefined,
      )
    },
  }
}

function envelopeOf(method: string, self: Ref, content: readonly Written[]): string {
  const [soap, xsi] = envelope
  const { xml } = element(method, [reference('_this', self), ...content])
  const named = xml.replace(`<${method}`, `<${method} xmlns="urn:vim25"`)
  return `<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="${soap}" xmlns:xsi="${xsi}" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>${named}</soap:Body></soap:Envelope>`
}

async function opened(
  url: URL,
  trust: Trust,
  signal: AbortSignal | undefined,
): Promise<{ client: AxiosInstance; agent: Agent }> {
  const peer = {
    address: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 443),
    untrusted: 'VcenterUntrusted',
    unreachable: 'VcenterUnreachable',
  } as const
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    minVersion: 'TLSv1.2',
    ...(await trusting(peer, trust, signal)),
  })
  const client = axios.create({
    httpsAgent: agent,
    proxy: false,
    maxRedirects: 0,
    maxContentLength: largestAnswer,
    maxBodyLength: largestAnswer,
    responseType: 'text',
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
    headers: { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: 'urn:vim25/6.5', 'User-Agent': 'bridgekeeper' },
  })
  return { client, agent }
}

const cookieIn = (headers: readonly string[] | undefined): string | undefined =>
  headers?.map((header) => /^vmware_soap_session=[^;,\s]{1,400}/.exec(header)?.[0]).find((one) => one !== undefined)

/** Whoever has one is logged in as we are: an answer that says it back, on purpose or not, is read without it. */
const sessionsIn = (cookie: string | undefined): readonly string[] =>
  cookie === undefined ? [] : [cookie.slice(cookie.indexOf('=') + 1).replaceAll('"', '')]

function resultOf(text: string, status: number, method: string, where: string): Element {
  const body = bodyOf(text, where, status)
  const response = at(body, `${method}Response`)
  if (status === 200 && response !== undefined) return response
  const fault = at(body, 'Fault')
  if (fault === undefined) throw misread(where, `HTTP ${status} and neither a result of ${method} nor a fault`)
  const [detail] = at(fault, 'detail')?.children ?? []
  const type = detail?.type ?? detail?.name.replace(/Fault$/, '') ?? 'Fault'
  throw new VimFault(type, textAt(fault, 'faultstring') ?? '', detail)
}

function bodyOf(text: string, where: string, status: number): Element | undefined {
  try {
    const root = parseXml(text)
    return root.name === 'Envelope' ? all(root, 'Body')[0] : undefined
  } catch (error) {
    if (!(error instanceof XmlRefused)) throw error
    throw misread(where, `HTTP ${status}, and ${error.message}`)
  }
}

const misread = (where: string, what: string): HostError =>
  new HostError('HostMisread', `${where} answered ${what}: is it a vCenter, and the path /sdk?`)

/** Of axios only the code and the message: what it was sent, the password among it, is never shown. */
function hostErrorOf(error: unknown, where: string, method: string, timeout: number): HostError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const words = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
  if (isAxiosError(error) && error.cause instanceof HostError) return error.cause
  if (untrustedCodes.test(code)) {
    const detail = `${where}: ${words}: name its authority, or the fingerprint of its certificate, in the credentials file.`
    return new HostError('VcenterUntrusted', detail)
  }
  if (code === 'ERR_BAD_RESPONSE')
    return new HostError(
      'HostMisread',
      `${where} answered ${method} with more than ${largestAnswer} bytes, or not all.`,
    )
  if (['ECONNABORTED', 'ERR_CANCELED', 'ETIMEDOUT'].includes(code))
    return new HostError('TimeOut', `${where} did not answer ${method} within ${timeout} ms.`)
  return new HostError('VcenterUnreachable', `${where}: ${words}.`)
}
