/**
 * The bed's own way into a host: an SSH connection, opened when first needed and kept, over which tests look and
 * damage. Not Bridgekeeper's driver, so that one never vouches for the other. In: a shell command. Out: its output.
 */
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import ssh2 from 'ssh2'

export interface Access {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  /** The host's public key, base64. */
  readonly hostKey: string
}

export interface Console {
  /** @throws Error with the exit code and standard error, or after 60 s, or when the output passes 16 MiB. */
  exec(command: string): Promise<string>
  /** Drops the connection; the next command opens another. */
  hangUp(): void
}

const longestCommand = 60_000
const largestOutput = 16 * 1024 * 1024

export function openConsole(access: Access): Console {
  let connection: Promise<ssh2.Client> | undefined
  const dropped = (): void => {
    connection = undefined
  }
  return {
    async exec(command) {
      connection ??= openConnection(access, dropped)
      return execute(await connection, access.name, command)
    },
    hangUp() {
      connection?.then(
        (client) => client.destroy(),
        () => {},
      )
      dropped()
    },
  }
}

async function openConnection(access: Access, dropped: () => void): Promise<ssh2.Client> {
  const privateKey = await readFile(access.privateKeyFile)
  const client = new ssh2.Client()
  return new Promise((resolve, reject) => {
    client.on('connect', () => client.setNoDelay(true))
    client.on('ready', () => resolve(client))
    client.on('error', (error) => {
      dropped()
      reject(new Error(`host ${access.name}: SSH to ${access.address} failed: ${error.message}`, { cause: error }))
    })
    client.on('close', () => {
      dropped()
      reject(new Error(`host ${access.name}: SSH to ${access.address} was closed`))
    })
    client.connect({
      host: access.address,
      port: access.port,
      username: access.user,
      privateKey,
      readyTimeout: 30_000,
      hostVerifier: (key: Buffer) => key.toString('base64') === access.hostKey,
    })
  })
}

function execute(client: ssh2.Client, name: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (problem: string): void => reject(new Error(`host ${name}: ${command}: ${problem}`))
    const lost = (): void => fail('the connection was lost')
    const timer = setTimeout(() => fail(`no end after ${longestCommand / 1000} s`), longestCommand)
    client.once('close', lost)
    client.exec(command, (error, channel) => {
      if (error) return fail(error.message)
      const output: Buffer[] = []
      const errors: Buffer[] = []
      let size = 0
      let exit: string | number | undefined
      const collect = (into: Buffer[]) => (chunk: Buffer) => {
        size += chunk.length
        if (size <= largestOutput) into.push(chunk)
        else channel.close()
      }
      channel.on('data', collect(output))
      channel.stderr.on('data', collect(errors))
      channel.on('exit', (code: number | null, signal?: string) => {
        exit = code ?? signal
      })
      channel.on('close', () => {
        clearTimeout(timer)
        client.off('close', lost)
        if (size > largestOutput) return fail(`its output passed ${largestOutput} bytes`)
        if (exit === 0) return resolve(Buffer.concat(output).toString('utf8'))
        fail(`ended with ${exit ?? 'a lost connection'}: ${Buffer.concat(errors).toString('utf8').trim()}`)
      })
    })
  })
}

/** Resolves when an SSH server greets at that address. @throws the signal's reason when it is aborted first. */
export async function sshAnswers(address: string, port: number, signal: AbortSignal): Promise<void> {
  while (!(await greets(address, port))) await delay(50, undefined, { signal })
}

/** An attempt is short: a packet to a machine that is not there yet is only sent again after a second. */
function greets(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    let greeting = ''
    const end = (): void => {
      socket.destroy()
      resolve(greeting.startsWith('SSH-2.0-'))
    }
    let timer = setTimeout(end, 200)
    socket.on('connect', () => {
      clearTimeout(timer)
      timer = setTimeout(end, 5_000)
    })
    socket.setEncoding('latin1').on('data', (text: string) => {
      greeting += text
      if (greeting.length >= 8) end()
    })
    socket.on('error', end)
    socket.on('close', () => {
      clearTimeout(timer)
      end()
    })
  })
}
