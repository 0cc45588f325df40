/**
 * The driver for hosts that nobody but CloudStack reaches: one `updateHost` with the id alone makes a management server
 * of 4.17 or later send every persistent network to the host (FACTS H). In: the host. Out: a request made, and whether it
 * was answered. It cannot look, so it never says that anything is there (DESIGN 23).
 *
 * - the server is of a version at which a request does something
 * - the host is Up and Enabled, by a reading right before the request (freshRead.ts)
 * - one request a run: updateHost, or a reconnect where that is allowed and the last updateHost got no answer (reconnect.ts)
 */
import type { CloudStack } from '../../cloudstack/client.ts'
import { CloudStackError } from '../../cloudstack/errors.ts'
import type { DesiredNetwork } from '../../reconcile/model.ts'
import type { Request } from '../../reconcile/record.ts'
import { type Driver, HostError, type Session, type Target, type View } from '../driver.ts'
import { demandSendable, freshMilliseconds } from './freshRead.ts'
import { mayReconnect, type Reconnecting, reconnect } from './reconnect.ts'
import { demandSetUps } from './tooOld.ts'

export type Asking = Pick<CloudStack, 'updateHost' | 'reconnectHost' | 'hostsNow' | 'call'>

export interface CloudStackDriverOptions {
  readonly now?: () => number
  /** Absent: no host is ever reconnected. */
  readonly reconnecting?: Reconnecting
}

export function createCloudStackDriver(cloudstack: Asking, options: CloudStackDriverOptions = {}): Driver {
  return {
    verifies: false,
    open: async (target, signal) => {
      await demandSetUps(cloudstack)
      return openSession(cloudstack, options, target, signal)
    },
  }
}

function openSession(
  cloudstack: Asking,
  { now = Date.now, reconnecting }: CloudStackDriverOptions,
  target: Target,
  signal: AbortSignal,
): Session {
  let requested: Request | undefined

  const request = async (): Promise<void> => {
    if (requested !== undefined) return
    signal.throwIfAborted()
    const tried =
      reconnecting !== undefined && mayReconnect(target, now())
        ? await reconnect(cloudstack, reconnecting, target, now, signal)
        : undefined
    requested =
      tried !== undefined && 'request' in tried
        ? tried.request
        : {
            ...(await update(cloudstack, target, now, signal)),
            ...tried?.beside,
            ...lastReconnect(target, tried?.beside),
          }
  }

  const look = async (desired: readonly DesiredNetwork[]): Promise<View> => ({
    devices: 0,
    findings: [],
    changes:
      requested === undefined
        ? desired.map(({ physicalNetwork, uri }) => ({ physicalNetwork, uri, devices: [], steps }))
        : [],
    ...(requested === undefined ? {} : { request: requested }),
    apply: async () => {
      await request()
      return look(desired)
    },
  })

  return { look, close: async () => {} }
}

const lastReconnect = ({ request }: Target, beside: Pick<Request, 'reconnectedAt'> | undefined) => {
  const at = beside?.reconnectedAt ?? request?.reconnectedAt
  return at === undefined ? {} : { reconnectedAt: at }
}

const steps = ['ask CloudStack to send every persistent network (updateHost, id only)']

/** A reading that is too old by the time its request may go is made anew, so many times. */
const readings = 3

/** Thrown right before a request would go; nothing of it was sent. */
class NotSent extends Error {
  override readonly name = 'NotSent'
}

/** @throws HostError when nothing was sent, or CloudStack refused */
async function update(cloudstack: Asking, target: Target, now: () => number, signal: AbortSignal): Promise<Request> {
  for (let reading = 0; reading < readings; reading++) {
    await demandSendable(cloudstack, target)
    const readAt = now()
    let at: number | undefined
    const before = (): void => {
      if (signal.aborted || now() - readAt > freshMilliseconds) throw new NotSent()
      at = now()
    }
    const sent = send(cloudstack, target, before)
    const answered = await Promise.race([sent, aborted(signal)])
    if (at !== undefined) return { call: 'updateHost', answered: answered === 'answered', at }
    if (answered === 'ended')
      throw new HostError('TimeOut', 'the run ended before updateHost could be sent: nothing was requested')
  }
  throw new HostError(
    'CloudStackRefused',
    `updateHost had to wait too long after each of ${readings} readings of the host: nothing was sent`,
  )
}

/** updateHost lasts as long as the server's serial pass; one that timed out was still requested (DESIGN 23). */
async function send(
  cloudstack: Pick<CloudStack, 'updateHost'>,
  { id }: Target,
  before: () => void,
): Promise<'answered' | 'silent' | 'not sent'> {
  try {
    await cloudstack.updateHost(id, before)
    return 'answered'
  } catch (error) {
    if (error instanceof NotSent) return 'not sent'
    if (!(error instanceof CloudStackError)) throw error
    if (error.timedOut) return 'silent'
    throw new HostError('CloudStackRefused', `updateHost: ${error.message}`)
  }
}

/** A run that ends before the server's pass does has still requested it. */
const aborted = (signal: AbortSignal): Promise<'ended'> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve('ended')
    else signal.addEventListener('abort', () => resolve('ended'), { once: true })
  })
