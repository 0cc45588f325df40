/**
 * One session to one vCenter, shared by all who work on the hosts of one of its datacenters, kept for a while and renewed when it
 * ends; and its datacenter, all of it read in one call. In: how to connect, the credentials. Out: a Vcenter for each who opens.
 *
 * | vCenter answers                | what is done                                               |
 * |--------------------------------|------------------------------------------------------------|
 * | NotAuthenticated, to a call    | log in again, ask again: nothing was done                  |
 * | InvalidLogin                   | VcenterRefused                                             |
 * | NoPermission                   | VcenterRefused, naming the privilege                       |
 * | nothing, to a change           | the error: it may have been done, and only a look tells    |
 */
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { HostError } from '../driver.ts'
import type { Trust } from '../trust.ts'
import {
  type Collected,
  collectedIn,
  type DatacenterFacts,
  factsOf,
  type HostNetworks,
  hostNetworksOf,
  type PrivateVlans,
  privateVlansOf,
} from './facts.ts'
import { connectVim, type Endpoint, VimFault } from './soap.ts'
import { all, at, type Element, element, type Ref, reference, refOf, textAt, value, type Written } from './xml.ts'

export interface Credentials extends Trust {
  /** Of the vCenter, as `https://vcenter.example.org/sdk`. */
  readonly url: string
  /** The datacenter's place in the inventory: its name, with its folders before it. */
  readonly datacenter: string
  readonly username: string
  readonly password: string
}

export type Connect = (url: URL, trust: Trust) => Endpoint

/** What the datacenter showed, and when that was, by the session's own count. */
export interface Reading {
  readonly facts: DatacenterFacts
  readonly begunAt: number
}

export interface Vcenter {
  /** For lease names and words: the vCenter's host and its datacenter. */
  readonly place: string
  readonly fieldsManager: Ref
  readonly apiVersion: string
  /** A moment, by the session's own count. */
  now(): number
  /** When the last change ended. */
  changedAt(): number
  /** A reading that was begun at `since` or later; those who ask at once share one. @throws HostError */
  read(since: number, signal: AbortSignal): Promise<Reading>
  hostNetworks(networkSystem: Ref, signal: AbortSignal): Promise<HostNetworks>
  privateVlans(dvs: Ref, signal: AbortSignal): Promise<PrivateVlans>
  /** @throws VimFault for what concerns one object, HostError for what concerns all */
  change(method: string, self: Ref, content: readonly Written[], signal: AbortSignal): Promise<Element>
  /** The same for a method that answers with a task, until the task has ended. */
  task(method: string, self: Ref, content: readonly Written[], signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface Vcenters {
  /** @throws HostError */
  open(credentials: Credentials, signal: AbortSignal): Promise<Vcenter>
  /** Logs out wherever nobody works. */
  end(): Promise<void>
}

/** Milliseconds. */
const readTimeout = 60_000
const changeTimeout = 60_000
const loginTimeout = 30_000
const taskTimeout = 120_000
/** How long a session that nobody uses is kept: the next run finds it, and no vCenter keeps many for us. */
const idle = 60_000
const mostPages = 1_000

const serviceInstance: Ref = { kind: 'ServiceInstance', id: 'ServiceInstance' }

export function createVcenters(connect: Connect = connectVim): Vcenters {
  const shared = new Map<string, Promise<SharedSession>>()
  return {
    async open(credentials, signal) {
      const key = keyOf(credentials)
      const opening = shared.get(key) ?? SharedSession.open(connect, credentials, () => shared.delete(key))
      shared.set(key, opening)
      try {
        const session = await ended(opening, signal)
        return session.join()
      } catch (error) {
        opening.catch(() => shared.delete(key))
        throw error
      }
    },
    async end() {
      await Promise.all(
        [...shared.values()].map(async (session) => (await session.catch(() => undefined))?.leaveIfIdle()),
      )
    },
  }
}

/** Two who name other passwords never share what only one of them may open. */
const keyOf = ({ url, datacenter, username, password, ca, fingerprints }: Credentials): string =>
  createHash('sha256')
    .update(JSON.stringify([url, datacenter, username, password, ca, fingerprints]))
    .digest('base64')

interface Service {
  readonly collector: Ref
  readonly sessions: Ref
  readonly fields: Ref
  readonly search: Ref
  readonly apiVersion: string
}

class SharedSession {
  readonly #endpoint: Endpoint
  readonly #credentials: Credentials
  readonly #whenOver: () => void
  readonly #place: string
  readonly #service: Service
  #datacenter: Ref = { kind: 'Datacenter', id: '' }
  #login: Promise<void> | undefined
  #users = 0
  #count = 0
  #changedAt = 0
  #idleTimer: NodeJS.Timeout | undefined
  #latest: Reading | undefined
  #underWay: { readonly begunAt: number; readonly reading: Promise<Reading> } | undefined
  #next: Promise<Reading> | undefined

  private constructor(endpoint: Endpoint, credentials: Credentials, service: Service, whenOver: () => void) {
    this.#endpoint = endpoint
    this.#credentials = credentials
    this.#service = service
    this.#whenOver = whenOver
    this.#place = `${new URL(credentials.url).host}/${credentials.datacenter}`
  }

  static async open(connect: Connect, credentials: Credentials, whenOver: () => void): Promise<SharedSession> {
    const endpoint = connect(new URL(credentials.url), credentials)
    try {
      const service = await serviceOf(endpoint, credentials.url)
      const session = new SharedSession(endpoint, credentials, service, whenOver)
      await session.#loggedIn()
      await session.#findDatacenter()
      return session
    } catch (error) {
      endpoint.close()
      throw error instanceof VimFault ? hostErrorOf(error, new URL(credentials.url).host) : error
    }
  }

  join(): Vcenter {
    this.#users++
    clearTimeout(this.#idleTimer)
    let isOpen = true
    return {
      place: this.#place,
      fieldsManager: this.#service.fields,
      apiVersion: this.#service.apiVersion,
      now: () => ++this.#count,
      changedAt: () => this.#changedAt,
      read: (since, signal) => ended(this.#read(since), signal),
      hostNetworks: async (ref, signal) =>
        hostNetworksOf(
          await this.#collect([[ref.kind, ['networkInfo.vswitch', 'networkInfo.portgroup']]], [objectOf(ref)], signal),
        ),
      privateVlans: async (ref, signal) =>
        privateVlansOf(await this.#collect([[ref.kind, ['config']]], [objectOf(ref)], signal)),
      change: (method, self, content, signal) => this.#changing(() => this.#call(method, self, content, signal)),
      task: (method, self, content, signal) => this.#changing(() => this.#task(method, self, content, signal)),
      close: async () => {
        if (!isOpen) return
        isOpen = false
        this.#users--
        if (this.#users > 0) return
        this.#idleTimer = setTimeout(() => void this.leaveIfIdle(), idle)
        this.#idleTimer.unref()
      },
    }
  }

  async leaveIfIdle(): Promise<void> {
    if (this.#users > 0) return
    clearTimeout(this.#idleTimer)
    this.#whenOver()
    await this.#endpoint.call('Logout', this.#service.sessions, [], { timeout: 5_000 }).catch(() => undefined)
    this.#endpoint.close()
  }

  async #changing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } finally {
      this.#changedAt = ++this.#count
    }
  }

  /** One that is under way may have begun too early for whoever asks now: they share the next one. */
  async #read(since: number): Promise<Reading> {
    if (this.#latest !== undefined && this.#latest.begunAt >= since) return this.#latest
    if (this.#underWay !== undefined && this.#underWay.begunAt >= since) return this.#underWay.reading
    this.#next ??= this.#readAfter(this.#underWay?.reading)
    return this.#next
  }

  async #readAfter(before: Promise<Reading> | undefined): Promise<Reading> {
    await before?.catch(() => undefined)
    this.#next = undefined
    const begunAt = ++this.#count
    const reading = this.#collect(datacenterProperties, [
      this.#datacenterObject(),
      objectOf(this.#service.fields),
    ]).then((objects) => {
      if (objects.some(({ ref }) => ref.kind === 'CustomFieldsManager')) return { facts: factsOf(objects), begunAt }
      throw new HostError('HostMisread', `${this.#place} left out what was asked for.`)
    })
    this.#underWay = { begunAt, reading }
    this.#latest = await reading
    return this.#latest
  }

  #datacenterObject(): Written {
    const step = (name: string, type: string, path: string, then: readonly string[]): Written =>
      element(
        'selectSet',
        [
          value('name', name),
          value('type', type),
          value('path', path),
          value('skip', false),
          ...then.map((one) => element('selectSet', [value('name', one)])),
        ],
        'TraversalSpec',
      )
    return element('objectSet', [
      reference('obj', this.#datacenter),
      value('skip', true),
      step('hosts', 'Datacenter', 'hostFolder', ['folders']),
      step('networks', 'Datacenter', 'networkFolder', ['folders']),
      step('folders', 'Folder', 'childEntity', ['folders', 'compute']),
      step('compute', 'ComputeResource', 'host', []),
    ])
  }

  async #collect(
    properties: readonly (readonly [string, readonly string[]])[],
    objects: readonly Written[],
    signal?: AbortSignal,
  ): Promise<readonly Collected[]> {
    const specification = element('specSet', [
      ...properties.map(([type, paths]) =>
        element('propSet', [value('type', type), value('all', false), ...paths.map((path) => value('pathSet', path))]),
      ),
      ...objects,
    ])
    const collector = this.#service.collector
    let page = await this.#call('RetrievePropertiesEx', collector, [specification, element('options', [])], signal)
    const found = [...collectedIn(page)]
    for (let pages = 1; ; pages++) {
      const token = textAt(page, 'returnval', 'token')
      if (token === undefined) return found
      if (pages > mostPages) throw new HostError('HostMisread', `${this.#place} shows pages without end.`)
      page = await this.#call('ContinueRetrievePropertiesEx', collector, [value('token', token)], signal)
      found.push(...collectedIn(page))
    }
  }

  async #task(method: string, self: Ref, content: readonly Written[], signal: AbortSignal): Promise<void> {
    const task = refOf(at(await this.#call(method, self, content, signal), 'returnval'))
    if (task === undefined) throw new HostError('HostMisread', `${this.#place} answered ${method} without a task.`)
    const givesUp = performance.now() + taskTimeout
    for (let wait = 50; ; wait = Math.min(2_000, wait * 2)) {
      const [object] = await this.#collect([['Task', ['info.state', 'info.error']]], [objectOf(task)], signal)
      const state = object?.properties.get('info.state')?.text
      if (state === 'success') return
      if (state === 'error') throw this.#known(faultOf(object?.properties.get('info.error')))
      if (performance.now() > givesUp)
        throw new HostError('TimeOut', `${this.#place} did not end ${method} within ${taskTimeout} ms.`)
      await delay(wait, undefined, { signal }).catch(() => undefined)
    }
  }

  async #call(method: string, self: Ref, content: readonly Written[], signal?: AbortSignal): Promise<Element> {
    const timeout = method.startsWith('Retrieve') ? readTimeout : changeTimeout
    const patience = { timeout, ...(signal === undefined ? {} : { signal }) }
    const ask = async (): Promise<Element> => {
      const answer = await this.#endpoint.call(method, self, content, patience)
      throwIfMissing(answer)
      return answer
    }
    const login = this.#loggedIn()
    await login
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof VimFault) || error.type !== 'NotAuthenticated') throw this.#known(error)
    }
    if (this.#login === login) this.#login = undefined
    await this.#loggedIn()
    try {
      return await ask()
    } catch (error) {
      throw this.#known(error)
    }
  }

  #known = (error: unknown): unknown => (error instanceof VimFault ? hostErrorOf(error, this.#place) : error)

  /** A login that failed is tried again by whoever comes next. */
  #loggedIn(): Promise<void> {
    this.#login ??= this.#logIn().catch((error: unknown) => {
      this.#login = undefined
      throw error
    })
    return this.#login
  }

  async #logIn(): Promise<void> {
    const { username, password } = this.#credentials
    const content = [value('userName', username), value('password', password), value('locale', 'en')]
    try {
      await this.#endpoint.call('Login', this.#service.sessions, content, { timeout: loginTimeout })
    } catch (error) {
      throw this.#known(error)
    }
  }

  async #findDatacenter(): Promise<void> {
    const path = this.#credentials.datacenter
    const found = await this.#call('FindByInventoryPath', this.#service.search, [value('inventoryPath', path)])
    const ref = refOf(at(found, 'returnval'))
    if (ref?.kind !== 'Datacenter')
      throw new HostError(
        'Misconfigured',
        `${new URL(this.#credentials.url).host} shows this user no datacenter ${path.slice(0, 80)}.`,
      )
    this.#datacenter = ref
  }
}

const datacenterProperties: readonly (readonly [string, readonly string[]])[] = [
  ['HostSystem', ['name', 'configManager.networkSystem', 'runtime.bootTime', 'runtime.connectionState']],
  ['DistributedVirtualSwitch', ['name', 'summary.hostMember', 'summary.productInfo']],
  ['Network', ['name', 'customValue', 'vm']],
  [
    'DistributedVirtualPortgroup',
    [
      'name',
      'customValue',
      'vm',
      'config.distributedVirtualSwitch',
      'config.configVersion',
      'config.defaultPortConfig',
    ],
  ],
  ['CustomFieldsManager', ['field']],
]

const objectOf = (ref: Ref): Written => element('objectSet', [reference('obj', ref), value('skip', false)])

async function serviceOf(endpoint: Endpoint, url: string): Promise<Service> {
  const content = at(
    await endpoint.call('RetrieveServiceContent', serviceInstance, [], { timeout: loginTimeout }),
    'returnval',
  )
  const ref = (name: string): Ref => {
    const found = refOf(at(content, name))
    if (found !== undefined) return found
    throw new HostError('HostMisread', `${new URL(url).host} is no vCenter: it has no ${name}.`)
  }
  return {
    collector: ref('propertyCollector'),
    sessions: ref('sessionManager'),
    fields: ref('customFieldsManager'),
    search: ref('searchIndex'),
    apiVersion: textAt(content, 'about', 'apiVersion') ?? '',
  }
}

/**
 * A property that could not be read stands in the answer as a fault of its own: what was not read is never taken for what is not
 * there. A property that is not set stands nowhere. @throws VimFault
 */
function throwIfMissing(answer: Element): void {
  for (const object of all(at(answer, 'returnval'), 'objects')) {
    const [missing] = all(object, 'missingSet')
    if (missing !== undefined) throw faultOf(at(missing, 'fault'))
  }
}

function faultOf(error: Element | undefined): VimFault {
  const fault = at(error, 'fault')
  return new VimFault(fault?.type ?? 'Fault', textAt(error, 'localizedMessage') ?? '', fault)
}

/** Faults that concern everything become the host's error; any other stays, for one object. */
function hostErrorOf(fault: VimFault, where: string): HostError | VimFault {
  if (fault.type === 'NoPermission') {
    const privilege = textAt(fault.fault, 'privilegeId') ?? 'that it does not name'
    return new HostError('VcenterRefused', `${where}: the user lacks the privilege ${privilege.slice(0, 80)}.`)
  }
  if (fault.type === 'InvalidLogin' || fault.type === 'NotAuthenticated' || fault.type === 'PasswordExpired')
    return new HostError('VcenterRefused', `${where} answered ${fault.message}.`)
  if (fault.type === 'HostNotConnected' || fault.type === 'HostCommunication' || fault.type === 'HostNotReachable')
    return new HostError('HostUnreachable', `${where} answered ${fault.message}.`)
  return fault
}

/** What several share is not ended by the end of one of them: only their own waiting is. */
async function ended<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined)
  const tooLate = (): HostError => new HostError('TimeOut', 'The run ended before vCenter had answered.')
  if (signal.aborted) throw tooLate()
  let stop = (): void => undefined
  const end = new Promise<never>((_, reject) => {
    stop = () => reject(tooLate())
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, end])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
