/**
 * One login at one SSH server: a host, or the jump host before it. In: where, as whom, which keys to trust, over what. Out: a
 * client that was let in, or a HostError that says why not. Its first trouble ends it; whoever waits on it hears which.
 */
import type { Duplex } from 'node:stream'
import ssh2 from 'ssh2'
import type { Reason } from '../../reconcile/reasons.ts'
import { HostError } from '../driver.ts'
import { algorithmsFor, type HostKeyTarget, judge, type Verdict } from './hostKeys.ts'
import type { SshOptions } from './ssh.ts'

type Trouble = 'HostUnreachable' | 'HostKeyUnknown' | 'HostKeyChanged' | 'LoginRefused' | 'LoginTimedOut'

export interface Server {
  /** For people: `10.0.0.1:22`, `the jump host 10.0.0.9:22`. */
  readonly where: string
  readonly user: string
  readonly key: HostKeyTarget
  /** What each trouble is called here; its own name unless given. */
  readonly reasons?: Readonly<Record<Trouble, Reason>>
  /** The way there, and the login that it hangs on; a connection of its own unless given. */
  readonly through?: { readonly login: Login; readonly stream: Duplex }
  /** How many answers in a row may be missing before the server counts as gone. */
  readonly patience: number
}

export interface Login {
  readonly client: ssh2.Client
  /** Never resolves; rejects with what ended it. */
  readonly lost: Promise<never>
  /** Ends it; only the first reason is told. */
  lose(error: HostError): void
  onLost(listener: (error: HostError) => void): void
  /** May be called again, and never throws. */
  close(): Promise<void>
}

const closeTimeout = 1_000
export const defaultConnectTimeout = 10_000
const defaultSilence = 40_000

/** @throws HostError */
export async function logIn(server: Server, options: SshOptions, signal: AbortSignal): Promise<Login> {
  const { where, key, through } = server
  const known = await options.hostKeys.known(key)
  const client = new ssh2.Client()
  const login = loginOf(client)
  const abort = (): void => login.lose(new HostError('TimeOut', `The session with ${where} was ended by its run.`))
  let verdict: Verdict | undefined
  let stage: Stage = 'calling'
  client.once('connect', () => {
    stage = 'greeting'
    client.setNoDelay(true)
  })
  client.on('error', (error) => login.lose(hostErrorOf(error, stage, verdict, server, options)))
  client.on('close', () => {
    signal.removeEventListener('abort', abort)
    login.lose(named(server, 'HostUnreachable', `${where} closed the connection.`))
  })
  signal.addEventListener('abort', abort)
  through?.login.onLost(login.lose)
  const ready = new Promise<void>((resolve) => client.once('ready', resolve))
  const verify = (blob: Buffer): boolean => {
    verdict = judge(blob, known, options.hostKeyPolicy ?? 'strict')
    return verdict.trusted
  }
  if (signal.aborted) abort()
  else client.connect(configOf(server, options, known, verify))
  try {
    await Promise.race([ready, login.lost])
    stage = 'in'
    if (verdict?.trusted && verdict.isNew) await options.hostKeys.accept?.(key, verdict.key)
    return login
  } catch (error) {
    client.destroy()
    // What the host is called is not worse for a note of its key that could not be made.
    if (verdict?.trusted === false) await options.hostKeys.refused?.(key, verdict.key).catch(() => {})
    throw error
  }
}

function loginOf(client: ssh2.Client): Login {
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  const closed = Promise.withResolvers<void>()
  client.on('close', () => closed.resolve())
  const listeners: ((error: HostError) => void)[] = []
  let isLost = false
  return {
    client,
    lost: lost.promise,
    lose(error) {
      if (!isLost) {
        isLost = true
        lost.reject(error)
        for (const listener of listeners) listener(error)
      }
      client.destroy()
    },
    onLost: (listener) => void listeners.push(listener),
    async close() {
      client.end()
      const timer = setTimeout(() => client.destroy(), closeTimeout)
      await closed.promise
      clearTimeout(timer)
    },
  }
}

function configOf(
  { user, key, through, patience }: Server,
  options: SshOptions,
  known: readonly string[],
  verify: (key: Buffer) => boolean,
): ssh2.ConnectConfig {
  return {
    ...(through === undefined ? { host: key.address, port: key.port } : { sock: through.stream }),
    username: user,
    privateKey: options.privateKey,
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }),
    authHandler: ['publickey'],
    algorithms: { serverHostKey: algorithmsFor(known) },
    hostVerifier: verify,
    readyTimeout: options.connectTimeout ?? defaultConnectTimeout,
    // A host that vanished is noticed although a command may be silent for long.
    keepaliveInterval: intervalOf(options),
    keepaliveCountMax: patience,
  }
}

const intervalOf = ({ silence = defaultSilence }: SshOptions): number => Math.ceil(silence / 4)

/** Up to where the login came: to no connection, to one, to its end. */
type Stage = 'calling' | 'greeting' | 'in'

const named = ({ reasons }: Server, trouble: Trouble, detail: string, cause?: unknown): HostError =>
  new HostError(reasons?.[trouble] ?? trouble, detail, { cause })

function hostErrorOf(
  error: Error & { level?: string },
  stage: Stage,
  verdict: Verdict | undefined,
  server: Server,
  options: SshOptions,
): HostError {
  const { where, user, patience } = server
  const { connectTimeout = defaultConnectTimeout } = options
  if (verdict?.trusted === false) return named(server, verdict.reason, `${where} ${verdict.detail}.`)
  if (error.level === 'client-authentication') {
    return named(server, 'LoginRefused', `${where} does not let ${user} log in with this key.`)
  }
  if (error.level === 'client-timeout') {
    if (stage === 'calling')
      return named(server, 'HostUnreachable', `${where} did not answer for ${connectTimeout} ms.`)
    if (stage === 'greeting') {
      return named(
        server,
        'LoginTimedOut',
        `${where} was reached, but did not let ${user} in for ${connectTimeout} ms.`,
      )
    }
    const silent = (patience + 1) * intervalOf(options)
    return named(server, 'HostUnreachable', `${where} fell silent: nothing came of it for ${silent} ms.`)
  }
  return named(server, 'HostUnreachable', `${where}: ${error.message}`, error)
}
