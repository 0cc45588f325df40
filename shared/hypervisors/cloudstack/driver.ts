/**
 * The driver for hosts that nobody but CloudStack reaches: one `updateHost` with the id alone makes a management server
 * of 4.17 or later send every persistent network to the host (FACTS H). In: the host. Out: a request made. It cannot
 * look, so it never says that anything is there (DESIGN 23).
 */
import type { CloudStack } from '../../cloudstack/client.ts'
import { CloudStackError } from '../../cloudstack/errors.ts'
import type { DesiredNetwork } from '../../reconcile/model.ts'
import type { Request } from '../../reconcile/record.ts'
import { type Driver, HostError, type Session, type Target, type View } from '../driver.ts'
import { demandSetUps } from './tooOld.ts'

export function createCloudStackDriver(cloudstack: Pick<CloudStack, 'updateHost' | 'call'>): Driver {
  return {
    verifies: false,
    open: async (target, signal) => {
      await demandSetUps(cloudstack)
      return openSession(cloudstack, target, signal)
    },
  }
}

function openSession(cloudstack: Pick<CloudStack, 'updateHost'>, target: Target, signal: AbortSignal): Session {
  let requested: Request | undefined

  const request = async (): Promise<void> => {
    if (requested !== undefined) return
    signal.throwIfAborted()
    const at = Date.now()
    const answered = await Promise.race([updateHost(cloudstack, target), aborted(signal)])
    requested = { call: 'updateHost', answered, at }
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

/** A run that ends before the server's pass does has still requested it. */
const aborted = (signal: AbortSignal): Promise<false> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(false), { once: true }))

const steps = ['ask CloudStack to send every persistent network (updateHost, id only)']

/** updateHost lasts as long as the server's serial pass; one that timed out was still requested (DESIGN 23). */
async function updateHost(cloudstack: Pick<CloudStack, 'updateHost'>, target: Target): Promise<boolean> {
  try {
    await cloudstack.updateHost(target.id)
    return true
  } catch (error) {
    if (!(error instanceof CloudStackError)) throw error
    if (error.timedOut) return false
    throw new HostError('CloudStackRefused', `updateHost: ${error.message}`)
  }
}
