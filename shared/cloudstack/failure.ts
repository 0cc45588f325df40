/**
 * What it means that a request failed below CloudStack. In: whatever the HTTP library threw. Out: one of errors.ts with
 * one clear line. The thrown thing itself is dropped: it holds the signed request, and the proxy's password.
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

const signer = 'which no authority that is trusted here has signed: name its CA in BRIDGEKEEPER_CLOUDSTACK_CA_FILE'
const damaged =
  'that is damaged: see which certificates the server sends, and the file of BRIDGEKEEPER_CLOUDSTACK_CA_FILE'

/** Read after "shows a certificate". */
const untrusted: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'that has expired: renew it on the server, and its CA if that has expired too',
  CERT_NOT_YET_VALID: 'that is not valid yet: set the clocks of this machine and of the server',
  CERT_SIGNATURE_FAILURE: damaged,
  CERT_UNTRUSTED: signer,
  DEPTH_ZERO_SELF_SIGNED_CERT: signer,
  ERR_TLS_CERT_ALTNAME_INVALID: 'for another name: write the name that it is for in CLOUDSTACK_API_URL',
  HOSTNAME_MISMATCH: 'for another name: write the name that it is for in CLOUDSTACK_API_URL',
  INVALID_CA: damaged,
  SELF_SIGNED_CERT_IN_CHAIN: signer,
  UNABLE_TO_GET_ISSUER_CERT: signer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: signer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: signer,
}

const timeouts: ReadonlySet<string> = new Set(['ECONNABORTED', 'ERR_CANCELED', 'ETIMEDOUT', 'TIMEOUT'])

/** @param proxy that stands between, of which only host and port are told */
export function describeFailure(
  thrown: unknown,
  target: URL,
  command: string,
  timeoutMs: number,
  proxy?: URL,
): CloudStackError {
  const code = codeOf(thrown)
  const where = `CloudStack at ${target.host}${proxy === undefined ? '' : ` (through the proxy at ${proxy.host})`}`
  if (timeouts.has(code)) {
    return new NoAnswer(`${where} did not answer ${command} within ${timeoutMs / 1000} s: see that it is up`, true)
  }
  if (code === 'ERR_PROXY_TUNNEL') return refusedByProxy(thrown, where)
  const distrust = Object.hasOwn(untrusted, code) ? untrusted[code] : undefined
  if (distrust !== undefined) return new WrongEndpoint(`${where} shows a certificate ${distrust} (${code})`)
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return new WrongEndpoint(`${where} does not speak TLS as asked: check http or https and the port in the URL`)
  }
  if (tooLarge(thrown)) {
    return new MalformedAnswer(`${where} answered ${command} with more than is read: see what answers there`)
  }
  if (code.startsWith('HPE_')) {
    return new MalformedAnswer(`${where} answered ${command} with what is no HTTP, or is cut (${code}): ${lookBetween}`)
  }
  if (/^(Z_|ERR_BROTLI|ERR__|ERR_ZLIB)/.test(code)) {
    return new MalformedAnswer(
      `${where} answered ${command} with what is not compressed as it says (${code}): ${lookBetween}`,
    )
  }
  if (cutShort(thrown)) return new NoAnswer(`${where} broke off in the middle of its answer to ${command}: see its log`)
  const known = Object.hasOwn(unreachable, code) ? unreachable[code] : undefined
  return new NoAnswer(`${where} ${known ?? `could not be asked ${command} (${code || 'no reason given'})`}`)
}

const lookBetween = 'see what answers there, and what stands between'

/** A refusal for good, but for a gateway's own, which may pass. */
function refusedByProxy(thrown: unknown, where: string): CloudStackError {
  const status = statusOf(thrown)
  if (status === 407) {
    return new WrongEndpoint(
      `${where}: the proxy asks for a name and a password (HTTP 407): write it like http://user:password@proxy:3128`,
    )
  }
  const said = status === undefined ? 'did not let the request through' : `answered HTTP ${status}`
  const text = `${where}: the proxy ${said}: see that it lets CONNECT to this host and port pass, or name the host in NO_PROXY`
  return status !== undefined && status < 500 ? new WrongEndpoint(text) : new NoAnswer(text)
}

function statusOf(thrown: unknown): number | undefined {
  const cause = isAxiosError(thrown) && thrown.cause !== undefined ? thrown.cause : thrown
  if (typeof cause !== 'object' || cause === null || !('statusCode' in cause)) return undefined
  return typeof cause.statusCode === 'number' ? cause.statusCode : undefined
}

/** A connection from the pool that was reset before any answer: nothing says that the server saw the request. */
export function diedUnused(thrown: unknown): boolean {
  if (!['ECONNRESET', 'EPIPE'].includes(codeOf(thrown)) || !isAxiosError(thrown)) return false
  return thrown.request instanceof ClientRequest && thrown.request.reusedSocket && thrown.response === undefined
}

/** The connection ended before the answer did; the server may have seen the request. */
export const broke = (thrown: unknown): boolean => ['ECONNRESET', 'EPIPE'].includes(codeOf(thrown)) || cutShort(thrown)

/** Several addresses tried at once fail together; then the first one's code speaks. */
function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return ''
  const code = 'code' in thrown ? thrown.code : undefined
  if (typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code)) return code
  return thrown instanceof AggregateError ? codeOf(thrown.errors[0]) : ''
}

/** axios has no codes of its own for these. */
const tooLarge = (thrown: unknown): boolean => thrown instanceof Error && thrown.message.startsWith('maxContentLength')
const cutShort = (thrown: unknown): boolean => thrown instanceof Error && thrown.message === 'stream has been aborted'
