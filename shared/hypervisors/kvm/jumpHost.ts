/**
 * The way to a host through a jump host: a login there, judged as strictly as any, and a connection that it forwards. In: a
 * host, the jump host. Out: a stream to the host. A jump host's own trouble has reasons of its own: no host is at fault.
 */
import type { Duplex } from 'node:stream'
import { HostError, type Target } from '../driver.ts'
import { defaultConnectTimeout, type Login, logIn, type Server } from './login.ts'
import type { SshOptions } from './ssh.ts'

export interface JumpHost {
  readonly address: string
  readonly port: number
  /** That of the hosts unless given; it logs in with the same key. */
  readonly user?: string
}

/** `10.0.0.9:22`. */
export const placeOf = ({ address, port }: Pick<JumpHost, 'address' | 'port'>): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`

const reasons: Required<Server>['reasons'] = {
  HostUnreachable: 'JumpHostUnreachable',
  HostKeyUnknown: 'JumpHostUntrusted',
  HostKeyChanged: 'JumpHostUntrusted',
  LoginRefused: 'JumpHostRefused',
  LoginTimedOut: 'JumpHostUnreachable',
}

/** @throws HostError of the jump host, or HostUnreachable where it cannot reach the host */
export async function throughJumpHost(
  target: Target & { readonly port: number },
  jump: JumpHost,
  options: SshOptions,
  signal: AbortSignal,
): Promise<Required<Server>['through']> {
  const where = `the jump host ${placeOf(jump)}`
  const key = { cloud: target.cloud, address: jump.address, port: jump.port, jump: true } as const
  // Less patient than the login behind it: when both fall silent, it is the jump host that is gone.
  const login = await logIn({ where, user: jump.user ?? options.user, key, reasons, patience: 2 }, options, signal)
  try {
    return { login, stream: await forward(login, target, where, options.connectTimeout ?? defaultConnectTimeout) }
  } catch (error) {
    await login.close()
    throw error
  }
}

/** The reason code of RFC 4254 for a connection that could not be made; all others are the jump host's own refusal. */
const connectFailed = 2

async function forward(
  login: Login,
  { address, port }: { readonly address: string; readonly port: number },
  where: string,
  limit: number,
): Promise<Duplex> {
  const unreachable = (why: string): HostError =>
    new HostError('HostUnreachable', `${placeOf({ address, port })} through ${where}: ${why}`)
  const timer = setTimeout(() => login.lose(unreachable(`no answer for ${limit} ms.`)), limit)
  try {
    const stream = Promise.withResolvers<Duplex>()
    login.client.forwardOut('127.0.0.1', 0, address, port, (error, channel) => {
      if (!error) return stream.resolve(channel)
      const failed = 'reason' in error && error.reason === connectFailed
      const refused = `${where} does not forward to ${placeOf({ address, port })}: ${error.message}`
      login.lose(failed ? unreachable(error.message) : new HostError('JumpHostRefused', refused))
    })
    return await Promise.race([stream.promise, login.lost])
  } finally {
    clearTimeout(timer)
  }
}
