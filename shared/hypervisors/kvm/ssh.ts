/**
 * One SSH connection to one host. In: whom to reach, as whom, and which host keys to trust. Out: a connection that runs
 * fixed commands with data on stdin, or a HostError that says why not. Every wait ends: by its own time limit, by the
 * signal, or with the connection.
 */
import ssh2 from 'ssh2'
import { HostError, type Target } from '../driver.ts'
import { bounded } from './bounded.ts'
import type { HostKeyPolicy, HostKeys } from './hostKeys.ts'
import { type JumpHost, placeOf, throughJumpHost } from './jumpHost.ts'
import { type Login, logIn } from './login.ts'

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
  /** The way to every host; straight to it unless given. */
  readonly jump?: JumpHost
  /** Milliseconds for each of these: the login, the same at the jump host, the way from there; 10,000 unless given. */
  readonly connectTimeout?: number
  /** Milliseconds from a login to the first words of its first command, whatever its shell does before; 30,000 unless given. */
  readonly shellTimeout?: number
  /** Milliseconds after which a host that answers nothing at all is gone; 40,000 unless given. */
  readonly silence?: number
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
  /**
   * @param command a constant of commands.ts
   * @param input what it reads from stdin
   * @param begins what it prints at once: until then it is the login that takes the time, not the command
   * @throws HostError
   */
  exec(command: string, input?: string, begins?: string): Promise<Answer>
  /** May be called again, and never throws. */
  close(): Promise<void>
}

export const defaultCommandTimeout = 120_000
const stderrLimit = 64 * 1024

/** @throws Error when a private key cannot be used at all; its text says nothing of the key. */
export function checkPrivateKey(options: Pick<SshOptions, 'privateKey' | 'passphrase'>): void {
  const key = ssh2.utils.parseKey(options.privateKey, options.passphrase)
  const problem =
    key instanceof Error ? key.message : [key].flat().some((one) => one.isPrivateKey()) ? null : 'it is a public key'
  if (problem !== null) throw new Error(`the SSH private key cannot be used: ${problem}`)
}

/**
 * @throws HostError HostUnreachable, HostKeyUnknown, HostKeyChanged, LoginRefused, LoginTimedOut, those of the jump host, or
 *   TimeOut when the signal ended it
 */
export async function connect(target: Target, options: SshOptions, signal: AbortSignal): Promise<SshConnection> {
  const { user, port = 22, jump, commandTimeout = defaultCommandTimeout, shellTimeout = 30_000 } = options
  const key = { ...target, port }
  const through = jump === undefined ? undefined : await throughJumpHost(key, jump, options, signal)
  const place = placeOf(key)
  const where = jump === undefined ? place : `${place} through the jump host ${placeOf(jump)}`
  const server = { where, user, key, patience: 3, ...(through === undefined ? {} : { through }) }
  const login = await logIn(server, options, signal).catch(async (error: unknown) => {
    await through?.login.close()
    throw error
  })
  return {
    async exec(command, input = '', begins) {
      const late = (reason: 'TimeOut' | 'LoginTimedOut', what: string, limit: number) =>
        setTimeout(() => login.lose(new HostError(reason, `${what} ${limit} ms.`)), limit)
      const whole = late('TimeOut', `A command on ${where} took longer than`, commandTimeout)
      const noCommand = `${where} let ${user} in, but its shell ran no command for`
      const shell = begins === undefined ? undefined : late('LoginTimedOut', noCommand, shellTimeout)
      const heard = begins === undefined ? () => {} : hears(begins, () => clearTimeout(shell))
      try {
        return await Promise.race([run(login, command, input, options, where, heard), login.lost])
      } finally {
        clearTimeout(whole)
        clearTimeout(shell)
      }
    },
    async close() {
      await login.close()
      await through?.login.close()
    },
  }
}

/** Tells once when the words were printed, in however many pieces they come. */
function hears(words: string, tell: () => void): (chunk: Buffer) => void {
  let end = ''
  let heard = false
  return (chunk) => {
    if (heard) return
    const text = end + chunk.toString('latin1')
    heard = text.includes(words)
    if (heard) tell()
    end = text.slice(-words.length)
  }
}

/** Settles only when the command ended by itself; every other end goes through `lose`. */
function run(
  { client, lose }: Login,
  command: string,
  input: string,
  { outputLimit = 32 * 1024 * 1024 }: SshOptions,
  where: string,
  heard: (chunk: Buffer) => void,
): Promise<Answer> {
  return new Promise((resolve) => {
    try {
      client.exec(command, (error, channel) => {
        if (error) return lose(new HostError('HostUnreachable', `${where} did not start a command: ${error.message}`))
        const [out, err] = [bounded(outputLimit), bounded(stderrLimit)]
        channel.on('data', (chunk: Buffer) => {
          heard(chunk)
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
