/**
 * One session to one pool, shared by all who work on its hosts at the same moment: the master found from whichever host is asked,
 * found again when it changes, and all hosts read in one pass. In: how to connect, a host's address, the credentials. Out: a Pool
 * for each who opens; the session ends when the last of them closes.
 *
 * | XAPI answers                          | what is done                                                       |
 * |---------------------------------------|--------------------------------------------------------------------|
 * | HOST_IS_SLAVE and the master, to a login | log in there, or join the session that stands there             |
 * | HOST_IS_SLAVE, to a call              | the master changed: log in to the new one, ask again               |
 * | SESSION_INVALID                       | log in again, ask again: nothing was done                          |
 * | SESSION_AUTHENTICATION_FAILED         | XapiRefused, never tried again in this run                         |
 * | RBAC_PERMISSION_DENIED                | XapiRefused, naming the role that is missing                       |
 * | HOST_STILL_BOOTING, HOST_OFFLINE      | XapiUnreachable                                                    |
 * | anything else, to a login or a reading | XapiFailed                                                        |
 * | nothing, to a reading                 | the other hosts of the pool are asked where its master is          |
 * | nothing, to a change                  | the error: it may have been done, and only a look tells            |
 */
import { createHash } from 'node:crypto'
import * as z from 'zod/mini'
import { HostError } from '../driver.ts'
import type { Trust } from '../trust.ts'
import { factsOf, type PoolFacts, type XapiClass } from './facts.ts'
import { type Connect, type Endpoint, XapiFailure } from './xapi.ts'

export interface Credentials extends Trust {
  readonly username: string
  readonly password: string
}

export interface Pool {
  /** What the whole pool shows, read after this was called; several who ask at once share one reading. @throws HostError */
  read(signal: AbortSignal): Promise<PoolFacts>
  /** Something that changes. @throws XapiFailure for what concerns one object, HostError for what concerns the host */
  change(method: string, parameters: readonly unknown[], signal: AbortSignal): Promise<unknown>
  /** Of this login and those before, which are to be shown to nobody. */
  sessions(): readonly string[]
  close(): Promise<void>
}

export interface Pools {
  /** @throws HostError */
  open(address: string, credentials: Credentials, signal: AbortSignal): Promise<Pool>
}

/** Milliseconds: a reading of a large pool; a VLAN whose PIF is plugged, on a host that is busy. */
const readTimeout = 60_000
const changeTimeout = 120_000
const loginTimeout = 30_000
/** A master that is called so by a slave that is called so by… */
const mostRedirects = 4
/** A master that changes while it is asked. */
const mostAttempts = 3

export function createPools(connect: Connect): Pools {
  const shared = new Map<string, Promise<SharedSession>>()

  /** At the master's address, whoever asked for it by whichever host. */
  async function sessionAt(address: string, credentials: Credentials, redirects = 0): Promise<SharedSession> {
    const key = keyOf(address, credentials)
    const opening = shared.get(key) ?? SharedSession.open(connect, address, credentials, () => shared.delete(key))
    shared.set(key, opening)
    try {
      return await opening
    } catch (error) {
      // Whoever else waited for it is led on too; the next one asks anew.
      if (shared.get(key) === opening) shared.delete(key)
      const master = masterIn(error)
      if (master === undefined) throw ofHost(error, address)
      if (redirects >= mostRedirects)
        throw new HostError('XapiUnreachable', `No master was found: ${address} is the last that called another so.`)
      return sessionAt(master, credentials, redirects + 1)
    }
  }

  return {
    async open(address, credentials, signal) {
      signal.throwIfAborted()
      const opening = sessionAt(address, credentials)
      const session = await ended(opening, signal).catch((error: unknown) => {
        opening.then(
          (late) => late.closeUnused(),
          () => undefined,
        )
        throw error
      })
      session.users++
      let isOpen = true
      return {
        read: (own) => ended(session.read(), own),
        change: (method, parameters, own) => session.call(method, parameters, changeTimeout, own),
        sessions: () => session.sessions,
        close: async () => {
          if (isOpen) await session.leave()
          isOpen = false
        },
      }
    },
  }
}

/** Two who name other passwords never share what only one of them may open. */
const keyOf = (address: string, { username, password }: Credentials): string =>
  createHash('sha256')
    .update(JSON.stringify([address, username, password]))
    .digest('base64')

class SharedSession {
  users = 0
  /** The last few: XAPI ends them, one by one, or we do. */
  sessions: readonly string[] = []
  readonly #connect: Connect
  readonly #credentials: Credentials
  readonly #whenOver: () => void
  #endpoint: Endpoint
  #address: string
  /** Of the pool's hosts, as they were last read. */
  #addresses: readonly string[] = []
  /** Of masters before: what others still wait for there is not cut off. */
  readonly #left: Endpoint[] = []
  #session: Promise<string> | undefined
  #reading: Promise<PoolFacts> | undefined
  #next: Promise<PoolFacts> | undefined

  private constructor(connect: Connect, address: string, credentials: Credentials, whenOver: () => void) {
    this.#connect = connect
    this.#credentials = credentials
    this.#whenOver = whenOver
    this.#address = address
    this.#endpoint = connect(address, credentials)
  }

  static async open(
    connect: Connect,
    address: string,
    credentials: Credentials,
    whenOver: () => void,
  ): Promise<SharedSession> {
    const session = new SharedSession(connect, address, credentials, whenOver)
    try {
      session.#session = Promise.resolve(await session.#login())
      return session
    } catch (error) {
      session.#endpoint.close()
      throw error
    }
  }

  /** A reading under way began too early for whoever asks now: they share the next one. */
  read(): Promise<PoolFacts> {
    this.#next ??= this.#readAfter(this.#reading)
    return this.#next
  }

  async #readAfter(before: Promise<PoolFacts> | undefined): Promise<PoolFacts> {
    await before?.catch(() => undefined)
    this.#reading = this.#next
    this.#next = undefined
    const all = (name: XapiClass): Promise<unknown> => this.call(`${name}.get_all_records`, [], readTimeout)
    // What others refer to is read after them, so that it is there.
    const [pool, host, vlan] = await Promise.all([all('pool'), all('host'), all('VLAN')])
    const [pif, metrics] = await Promise.all([all('PIF'), all('PIF_metrics')])
    const network = await all('network')
    const facts = factsOf({ pool, host, VLAN: vlan, PIF: pif, PIF_metrics: metrics, network })
    this.#addresses = facts.hosts.map(({ address }) => address)
    return facts
  }

  async call(method: string, parameters: readonly unknown[], timeout: number, signal?: AbortSignal): Promise<unknown> {
    const isReading = method.endsWith('.get_all_records')
    for (let attempt = 1; ; attempt++) {
      const endpoint = this.#endpoint
      try {
        const session = await this.#sessionNow()
        const patience = { timeout, ...(signal === undefined ? {} : { signal }) }
        return await endpoint.call(method, [session, ...parameters], patience)
      } catch (error) {
        const mayTryAgain = attempt < mostAttempts && signal?.aborted !== true
        if (!mayTryAgain || !(await this.#moved(error, endpoint, isReading)))
          throw isReading ? ofHost(error, this.#address) : hostErrorOf(error, this.#address)
      }
    }
  }

  /** @returns true: there is another session, or another master, to ask */
  async #moved(error: unknown, asked: Endpoint, isReading: boolean): Promise<boolean> {
    if (asked !== this.#endpoint) return isReading || error instanceof XapiFailure
    const master = masterIn(error)
    if (master !== undefined) {
      this.#goTo(master)
      return true
    }
    if (error instanceof XapiFailure && error.code === 'SESSION_INVALID') {
      this.#session = undefined
      return true
    }
    if (!(error instanceof HostError) || !['XapiUnreachable', 'TimeOut'].includes(error.reason)) return false
    this.#session = undefined
    if (!isReading) return false
    const others = this.#addresses.filter((address) => address !== this.#address)
    for (const address of others) if (await this.#isOrKnowsMaster(address)) return true
    return false
  }

  async #isOrKnowsMaster(address: string): Promise<boolean> {
    const before = this.#address
    this.#goTo(address)
    try {
      await this.#sessionNow()
      return true
    } catch (error) {
      const master = masterIn(error)
      if (master === undefined || master === before) return false
      this.#goTo(master)
      return true
    }
  }

  #goTo(address: string): void {
    this.#left.push(this.#endpoint)
    this.#session = undefined
    this.#address = address
    this.#endpoint = this.#connect(address, this.#credentials)
  }

  #sessionNow(): Promise<string> {
    this.#session ??= this.#login().catch((error: unknown) => {
      this.#session = undefined
      throw error
    })
    return this.#session
  }

  async #login(): Promise<string> {
    const { username, password } = this.#credentials
    const answer = await this.#endpoint.call(
      'session.login_with_password',
      [username, password, '2.0', 'bridgekeeper'],
      { timeout: loginTimeout },
    )
    const session = z.string().check(z.minLength(1), z.maxLength(200)).safeParse(answer)
    if (session.success) {
      this.sessions = [session.data, ...this.sessions].slice(0, 8)
      return session.data
    }
    throw new HostError('HostMisread', `${this.#address} answered the login with no session.`)
  }

  async leave(): Promise<void> {
    this.users--
    await this.closeUnused()
  }

  async closeUnused(): Promise<void> {
    if (this.users > 0) return
    this.#whenOver()
    const session = await this.#session?.catch(() => undefined)
    if (session !== undefined)
      await this.#endpoint.call('session.logout', [session], { timeout: 5_000 }).catch(() => undefined)
    for (const endpoint of [...this.#left, this.#endpoint]) endpoint.close()
  }
}

/** Where a slave says that its master is: an address, and nothing that could be anything else. */
function masterIn(error: unknown): string | undefined {
  if (!(error instanceof XapiFailure) || error.code !== 'HOST_IS_SLAVE') return undefined
  const [address = ''] = error.parameters
  return /^[0-9A-Za-z.:-]{1,253}$/.test(address) ? address : undefined
}

const unreachable: ReadonlySet<string> = new Set([
  'HOST_STILL_BOOTING',
  'HOST_OFFLINE',
  'HOST_IS_SLAVE',
  'SESSION_INVALID',
])
const refused: ReadonlySet<string> = new Set([
  'SESSION_AUTHENTICATION_FAILED',
  'RBAC_PERMISSION_DENIED',
  'USER_IS_NOT_LOCAL_SUPERUSER',
])

/** Codes that concern the whole host become its error; any other stays, for one object. */
function hostErrorOf(error: unknown, address: string): unknown {
  if (!(error instanceof XapiFailure)) return error
  const { code } = error
  if (refused.has(code)) {
    const what = code === 'RBAC_PERMISSION_DENIED' ? `${code}: ${error.parameters[0] ?? ''} is not permitted` : code
    return new HostError('XapiRefused', `${address} answered ${what}.`)
  }
  if (unreachable.has(code)) return new HostError('XapiUnreachable', `${address} answered ${error.message}.`)
  return error
}

/** Of a login or a reading, which are of no one object: whatever XAPI refuses is the host's error. */
function ofHost(error: unknown, address: string): unknown {
  const known = hostErrorOf(error, address)
  return known instanceof XapiFailure ? new HostError('XapiFailed', `${address} answered ${known.message}.`) : known
}

/** What several share is not ended by the end of one of them: only their own waiting is. */
async function ended<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined)
  signal.throwIfAborted()
  let stop = (): void => undefined
  const end = new Promise<never>((_, reject) => {
    stop = () => reject(new HostError('TimeOut', 'The run ended before the pool had answered.'))
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, end])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
