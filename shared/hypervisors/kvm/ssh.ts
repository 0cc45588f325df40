/**
 * One SSH connection to one host. In: whom to reach, as whom, and which host keys to trust. Out: a connection that runs
 * fixed commands with data on stdin, or a HostError that says why not. Every wait ends: by its own time limit, by the
 * signal, or with the connection.
 */
import ssh2 from 'ssh2'
import { HostError, type Target } from '../driver.ts'
import { bounded } from './bounded.ts'
import { algorithmsFor, type HostKeyPolicy, type HostKeys, judge, type Verdict } from './hostKeys.ts'

export interface SshOptions {
  readonly user: string
  /** A private key in OpenSSH or PEM form; not encrypted, unless there is a passphrase. */
  readonly privateKey: string | Buffer
  readonly passphrase?: string
  /** 22 unless given. */
  readonly port?: number
  readonly hostKeys: HostKeys
  /** `strict` unless given. */
  readonly hostKeyPolicy?: HostKeyPolicy
  /** Milliseconds until the login must have succeeded; 10,000 unless given. */
  readonly connectTimeout?: number
  /** Milliseconds that one command may take; 120,000 unless given. */
  readonly commandTimeout?: number
  /** Bytes that one command may print; 32 MiB unless given, which is about 20,000 links. */
  readonly outputLimit?: number
}

export interface Answer {
  readonly stdout: string
  /** Its first 64 KiB. */
  readonly stderr: string
  /** Null when a signal ended the command. */
  readonly code: number | null
}

export interface SshConnection {
  /** @param command a constant of commands.ts @param input what it reads from stdin @throws HostError */
  exec(command: string, input?: string): Promise<Answer>
  /** May be called again, and never throws. */
  close(): Promise<void>
}

export const defaultCommandTimeout = 120_000
const stderrLimit = 64 * 1024
const closeTimeout = 1_000

/** @throws Error when a private key cannot be used at all; its text says nothing of the key. */
export function checkPrivateKey(options: Pick<SshOptions, 'privateKey' | 'passphrase'>): void {
  const key = ssh2.utils.parseKey(options.privateKey, options.passphrase)
  const problem =
    key instanceof Error ? key.message : [key].flat().some((one) => one.isPrivateKey()) ? null : 'it is a public key'
  if (problem !== null) throw new Error(`the SSH private key cannot be used: ${problem}`)
}

/**
 * @throws HostError HostUnreachable, HostKeyUnknown, HostKeyChanged, LoginRefused, or TimeOut when the signal ended it
 */
export async function connect(target: Target, options: SshOptions, signal: AbortSignal): Promise<SshConnection> {
  const { user, port = 22, hostKeyPolicy = 'strict' } = options
  const { commandTimeout = defaultCommandTimeout, outputLimit = 32 * 1024 * 1024 } = options
  const where = `${target.address}:${port}`
  const keyTarget = { ...target, port }
  const known = await options.hostKeys.known(keyTarget)
  const client = new ssh2.Client()
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  const closed = Promise.withResolvers<void>()
  const lose = (error: HostError): void => {
    lost.reject(error)
    client.destroy()
  }
  const abort = (): void => lose(new HostError('TimeOut', `The session with ${where} was ended by its run.`))
  let verdict: Verdict | undefined
  client.once('connect', () => client.setNoDelay(true))
  client.on('error', (error) => lose(hostErrorOf(error, verdict, where, user)))
  client.on('close', () => {
    signal.removeEventListener('abort', abort)
    closed.resolve()
    lose(new HostError('HostUnreachable', `${where} closed the connection.`))
  })
  signal.addEventListener('abort', abort)
  const ready = new Promise<void>((resolve) => client.once('ready', resolve))
  if (signal.aborted) abort()
  else {
    const verify = (key: Buffer): boolean => {
      verdict = judge(key, known, hostKeyPolicy)
      return verdict.trusted
    }
    client.connect(configOf(target.address, options, known, verify))
  }
  await Promise.race([ready, lost.promise])
  try {
    if (verdict?.trusted && verdict.isNew) await options.hostKeys.accept?.(keyTarget, verdict.key)
  } catch (error) {
    client.destroy()
    throw error
  }
  return {
    async exec(command, input = '') {
      const timer = setTimeout(() => {
        lose(new HostError('TimeOut', `A command on ${where} took longer than ${commandTimeout} ms.`))
      }, commandTimeout)
      try {
        return await Promise.race([run(client, command, input, outputLimit, lose, where), lost.promise])
      } finally {
        clearTimeout(timer)
      }
    },
    close: async () => {
      client.end()
      const timer = setTimeout(() => client.destroy(), closeTimeout)
      await closed.promise
      clearTimeout(timer)
    },
  }
}

function configOf(
  host: string,
  options: SshOptions,
  known: readonly string[],
  verify: (key: Buffer) => boolean,
): ssh2.ConnectConfig {
  return {
    host,
    port: options.port ?? 22,
    username: options.user,
    privateKey: options.privateKey,
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }),
    authHandler: ['publickey'],
    algorithms: { serverHostKey: algorithmsFor(known) },
    hostVerifier: verify,
    readyTimeout: options.connectTimeout ?? 10_000,
    // A host that vanished is noticed although a command may be silent for long.
    keepaliveInterval: 10_000,
    keepaliveCountMax: 3,
  }
}

/** Settles only when the command ended by itself; every other end goes through `lose`. */
function run(
  client: ssh2.Client,
  command: string,
  input: string,
  outputLimit: number,
  lose: (error: HostError) => void,
  where: string,
): Promise<Answer> {
  return new Promise((resolve) => {
    try {
      client.exec(command, (error, channel) => {
        if (error) return lose(new HostError('HostUnreachable', `${where} did not start a command: ${error.message}`))
        const [out, err] = [bounded(outputLimit), bounded(stderrLimit)]
        channel.on('data', (chunk: Buffer) => {
          if (!out.take(chunk))
            lose(new HostError('HostMisread', `A command on ${where} printed more than ${outputLimit} bytes.`))
        })
        channel.stderr.on('data', err.take)
        channel.on('error', (failure: Error) => lose(new HostError('HostUnreachable', `${where}: ${failure.message}`)))
        channel.on('close', (code: number | null | undefined) => {
          if (code === undefined) lose(new HostError('HostUnreachable', `${where} broke a command off.`))
          else resolve({ stdout: out.text(), stderr: err.text(), code })
        })
        channel.end(input)
      })
    } catch (error) {
      lose(new HostError('HostUnreachable', `${where}: ${error instanceof Error ? error.message : 'not connected'}`))
    }
  })
}

function hostErrorOf(
  error: Error & { level?: string },
  verdict: Verdict | undefined,
  where: string,
  user: string,
): HostError {
  if (verdict?.trusted === false) return new HostError(verdict.reason, `${where} ${verdict.detail}.`)
  if (error.level === 'client-authentication') {
    return new HostError('LoginRefused', `${where} does not let ${user} log in with this key.`)
  }
  return new HostError('HostUnreachable', `${where}: ${error.message}`, { cause: error })
}
