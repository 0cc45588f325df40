/**
 * The line to an agent over HTTPS (DESIGN 25): our certificate shows who asks, the host's own who answers. In: certificate, key
 * and CA, all of CloudStack's PKI. Out: an AgentLine, one connection a session, every wait bounded; or a HostError.
 */
import { Agent } from 'node:https'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import axios, { isAxiosError } from 'axios'
import type { Credentials } from '../../../certificate/credentials.ts'
import { HostError, type Target } from '../../driver.ts'
import type { AgentLine } from './driver.ts'
import { agentPath, agentPort, largestReply, readReply } from './protocol.ts'

export interface HttpsOptions extends Credentials {
  readonly port?: number
  /** Milliseconds until the connection must stand, and for one request; 10,000 and 120,000 unless given. */
  readonly connectTimeout?: number
  readonly requestTimeout?: number
}

export interface KeptCertificate {
  current(): Promise<Credentials>
  /** As it is kept now, whatever was read before. */
  anew(): Promise<Credentials>
}

/**
 * The line of a provisioner whose certificate is renewed while it runs: a session begins with the one in force, and where that is
 * refused and another is kept by now, with that one. A request that was refused was not carried out, so it may go again.
 */
export async function renewingLine(
  kept: KeptCertificate,
  open: (credentials: Credentials) => AgentLine,
): Promise<AgentLine> {
  let used = await kept.current()
  let line = open(used)
  return {
    async ask(body) {
      try {
        return await line.ask(body)
      } catch (error) {
        if (!(error instanceof HostError && error.reason === 'AgentRefused')) throw error
        const fresh = await kept.anew()
        if (fresh.certificate === used.certificate && fresh.key === used.key) throw error
        await line.close()
        used = fresh
        line = open(fresh)
        return await line.ask(body)
      }
    },
    close: () => line.close(),
  }
}

export function httpsLine(target: Target, options: HttpsOptions, signal: AbortSignal): AgentLine {
  const { port = agentPort, connectTimeout = 10_000, requestTimeout = 120_000 } = options
  const where = `${target.address}:${port}`
  let [isTrusted, isOpen] = [false, false]
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    timeout: requestTimeout,
    cert: options.certificate,
    key: options.key,
    ca: options.ca,
    minVersion: 'TLSv1.2',
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => {
      const problem = identityProblem(target, certificate)
      isTrusted = problem === undefined
      return problem
    },
  })
  const http = axios.create({
    httpsAgent: agent,
    proxy: false,
    maxRedirects: 0,
    maxContentLength: largestReply,
    maxBodyLength: Number.POSITIVE_INFINITY,
    responseType: 'text',
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
    headers: { 'Content-Type': 'application/json' },
  })
  return {
    async ask(body) {
      const timeout = AbortSignal.timeout(isOpen ? requestTimeout : requestTimeout + connectTimeout)
      try {
        const { data, status } = await http.post<string>(
          `https://${hostPart(target.address)}:${port}${agentPath}`,
          body,
          {
            timeout: requestTimeout,
            signal: AbortSignal.any([signal, timeout]),
          },
        )
        isOpen = true
        if (status === notAdmitted) throw refusalIn(data, where)
        return data
      } catch (error) {
        if (error instanceof HostError) throw error
        if (signal.aborted)
          throw new HostError('TimeOut', `The session with the agent at ${where} was ended by its run.`)
        throw isTrusted && !isOpen && isBrokenOff(error) ? refusedBy(where) : hostErrorOf(error, where, requestTimeout)
      }
    },
    close: async () => agent.destroy(),
  }
}

const hostPart = (address: string): string => (address.includes(':') ? `[${address}]` : address)

/** A host's certificate names its addresses or itself; each host of the CA has one, so any other is another host's. */
function identityProblem({ address, name }: Target, certificate: PeerCertificate): Error | undefined {
  const byAddress = checkServerIdentity(address, certificate)
  return byAddress === undefined || checkServerIdentity(name, certificate) === undefined ? undefined : byAddress
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

const isBrokenOff = (error: unknown): boolean => ['ECONNRESET', 'EPIPE'].includes(codeOf(error))

/** How an agent answers a certificate of its CA that it does not admit. */
const notAdmitted = 403

/** Nothing of the request was done, so that it may go again with another certificate. */
function refusalIn(data: string, where: string): HostError {
  const reply = readReply(data)
  const why = 'failed' in reply ? reply.failed.detail.slice(0, 500) : 'it does not admit this certificate'
  return new HostError('AgentRefused', `The agent at ${where}: ${why}.`)
}

/** A server of TLS 1.3 judges a client's certificate when the client takes the connection for open, and says nothing. */
const refusedBy = (where: string): HostError =>
  new HostError('AgentRefused', `The agent at ${where} closed the connection as soon as it saw this certificate.`)

const untrusted: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

function hostErrorOf(error: unknown, where: string, timeout: number): HostError {
  const code = codeOf(error)
  const words = error instanceof Error ? error.message.slice(0, 300) : String(error)
  if (untrusted.has(code)) return new HostError('AgentUntrusted', `The agent at ${where}: ${words}.`)
  if (/^ERR_SSL_.*ALERT/.test(code))
    return new HostError('AgentRefused', `The agent at ${where} refuses this certificate: ${code}.`)
  if (code === 'ECONNREFUSED') return new HostError('AgentMissing', `Nobody listens at ${where}.`)
  if (code === 'ERR_BAD_RESPONSE' && isAxiosError(error))
    return new HostError('HostMisread', `The agent at ${where} answered more than ${largestReply} bytes, or not all.`)
  if (['ECONNABORTED', 'ERR_CANCELED', 'ETIMEDOUT'].includes(code))
    return new HostError('TimeOut', `The agent at ${where} did not answer within ${timeout} ms.`)
  return new HostError('HostUnreachable', `${where}: ${words}.`)
}
