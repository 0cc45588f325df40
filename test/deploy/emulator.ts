/**
 * A whole AWS on this machine, as another process (`npm run parts:aws`). In: which of the two emulators. Out: where it listens, on loopback
 * alone, what a client's environment says then, what it printed, and its end with all that it started.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Availability } from '../../infra/local/bed/bed.ts'
import { freePort } from '../freePort.ts'

export type EmulatorName = 'ministack' | 'moto'

const program = (name: EmulatorName): string =>
  join(import.meta.dirname, '../../.parts', name, 'bin', name === 'moto' ? 'moto_server' : name)

export const emulatorsAvailable = (): Availability =>
  existsSync(program('ministack')) && existsSync(program('moto'))
    ? { available: true }
    : { available: false, missing: 'ministack and moto (apt-get install python3-venv, npm run parts:aws)' }

export interface Emulator {
  readonly endpoint: string
  /** For the command line, for Serverless and for clients of AWS. */
  readonly environment: Readonly<Record<string, string>>
  /** What it printed so far: of ministack also what functions log. */
  readonly printed: () => string
  readonly stop: () => Promise<void>
}

export async function startEmulator(name: EmulatorName): Promise<Emulator> {
  const port = await freePort()
  const home = mkdtempSync(join(tmpdir(), `${name}-`))
  // What Lambda's runtime brings, and no other module.
  mkdirSync(join(home, 'runtime'))
  symlinkSync(join(import.meta.dirname, '../../node_modules/@aws-sdk'), join(home, 'runtime/@aws-sdk'))
  // ministack runs functions with whichever node is first on PATH, and with what its own environment has of AWS.
  const PATH = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`
  const services = 's3,sqs,sns,dynamodb,lambda,iam,sts,secretsmanager,logs,events,cloudformation,cloudwatch,kms,ec2,ecr'
  const own =
    name === 'ministack'
      ? { BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port), IOT_MTLS_ENABLED: '0', SERVICES: services }
      : {}
  const child = spawn(program(name), name === 'moto' ? ['--host', '127.0.0.1', '--port', String(port)] : [], {
    cwd: home,
    env: { PATH, HOME: home, TMPDIR: home, STATE_DIR: join(home, 'state'), NODE_PATH: join(home, 'runtime'), ...own },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that the functions' processes end with it
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  const ended = once(child, 'close')
  const endpoint = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    await ended
    rmSync(home, { recursive: true, force: true })
  }
  try {
    await untilItAnswers(endpoint, () => child.exitCode !== null)
  } catch (error) {
    await stop()
    throw new Error(`${name} did not start: ${printed.slice(-2000)}`, { cause: error })
  }
  const environment = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
  return { endpoint, environment, printed: () => printed, stop }
}

export const region = 'us-east-1'

async function untilItAnswers(endpoint: string, isOver: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end && !isOver(); await delay(200)) {
    const answers = await fetch(endpoint, { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    )
    if (answers) return
  }
  throw new Error('no answer within a minute')
}
