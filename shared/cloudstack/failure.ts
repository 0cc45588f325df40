/**
 * What it means that a request failed below CloudStack. In: whatever the HTTP library threw. Out: one of errors.ts with
 * one clear line. The thrown thing itself is dropped: it holds the signed request.
 */
import { ClientRequest } from 'node:http'
import { isAxiosError } from 'axios'
import { type CloudStackError, MalformedAnswer, NoAnswer, WrongEndpoint } from './errors.ts'

/** What is said of a code of Node or OpenSSL: why nothing came, and what to do next. */
const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection: see that the management server runs and that the port is right',
  ECONNRESET: 'closed the connection without an answer: see its log',
  ENOTFOUND: 'has no address: correct the host name, or the name server',
  EAI_AGAIN: 'could not be looked up: see that the name server answers',
  EHOSTUNREACH: 'cannot be reached: check the route and the firewall',
  ENETUNREACH: 'cannot be reached: check the route and the firewall',
  EPIPE: 'closed the connection without an answer: see its log',
}

const untrusted: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const timeouts: ReadonlySet<string> = new Set(['ECONNABORTED', 'ERR_CANCELED', 'ETIMEDOUT', 'TIMEOUT'])

export function describeFailure(thrown: unknown, target: URL, command: string, timeoutMs: number): CloudStackError {
  const code = codeOf(thrown)
  const where = `CloudStack at ${target.host}`
  if (timeouts.has(code)) {
    return new NoAnswer(`${where} did not answer ${command} within ${timeoutMs / 1000} s: see that it is up`, true)
  }
  if (untrusted.has(code)) {
    return new WrongEndpoint(`${where} shows a certificate that is not trusted (${code}): name its CA file`)
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return new WrongEndpoint(`${where} does not speak TLS as asked: check http or https and the port in the URL`)
  }
  if (tooLarge(thrown)) {
    return new MalformedAnswer(`${where} answered ${command} with more than is read: see what answers there`)
  }
  return new NoAnswer(`${where} ${unreachable[code] ?? `could not be asked ${command} (${code || 'no reason given'})`}`)
}

/** A connection from the pool that was reset before any answer: nothing says that the server saw the request. */
export function diedUnused(thrown: unknown): boolean {
  if (!['ECONNRESET', 'EPIPE'].includes(codeOf(thrown)) || !isAxiosError(thrown)) return false
  return thrown.request instanceof ClientRequest && thrown.request.reusedSocket
}

/** Several addresses tried at once fail together; then the first one's code speaks. */
function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return ''
  const code = 'code' in thrown ? thrown.code : undefined
  if (typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code)) return code
  return thrown instanceof AggregateError ? codeOf(thrown.errors[0]) : ''
}

/** axios has no code of its own for it. */
const tooLarge = (thrown: unknown): boolean => thrown instanceof Error && thrown.message.startsWith('maxContentLength')
