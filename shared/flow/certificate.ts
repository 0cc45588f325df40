/**
 * The daily look at the certificate by which agents know a cloud's provisioner (DESIGN 25). In: where it is kept, CloudStack, a clock.
 * Out: what was done. Due or ended, it is renewed with the key that it has, so that agents which admit the key know it still. It
 * never throws: a renewal that fails leaves the old one, and is told three times: to the log, to the status, and to the caller.
 */
import { type Credentials, describe } from '../certificate/credentials.ts'
import { issue } from '../certificate/issue.ts'
import type { Keeper } from '../certificate/keeper.ts'
import { daysOf, type Standing, standingOf } from '../certificate/renewal.ts'
import type { CloudStack } from '../cloudstack/client.ts'
import type { Waiting } from '../cloudstack/jobs.ts'
import type { Ports } from '../runtime/ports.ts'
import { certificateSeen } from '../store/certificateWrites.ts'

export interface CertificateReport {
  readonly renewed: boolean
  /** Of what is kept now; absent where none is, or it cannot be used. */
  readonly daysLeft?: number
  readonly failure?: string
}

export interface Tended {
  /** @throws ConfigurationError */
  readonly keeper: () => Keeper
  readonly cloudstack: () => Pick<CloudStack, 'call'>
  /** BRIDGEKEEPER_AGENT_RENEW_DAYS. */
  readonly renewDays?: number
  readonly sleep: Waiting['sleep']
}

/** Alarms stand on these names: docs/agent.md. */
export const notRenewed = 'CertificateNotRenewed'
export const seen = 'CertificateSeen'

/** @throws what the store throws */
export async function tendCertificate(
  { store, logger, now, metrics }: Pick<Ports, 'store' | 'logger' | 'now' | 'metrics'>,
  cloud: string,
  tended: Tended,
): Promise<CertificateReport> {
  const { kept, renewed, failure } = await renewIfDue(tended, now)
  const standing = kept === undefined ? undefined : standingOfKept(kept, tended.renewDays, now())
  if (failure !== undefined) logger.error(notRenewed, { cloud, why: failure, ...told(standing) })
  else logger.info(seen, { cloud, renewed, ...told(standing) })
  metrics?.record(cloud, { certificateDays: Math.max(0, standing?.daysLeft ?? 0) })
  await store.update(
    certificateSeen(cloud, {
      at: now(),
      ...(standing === undefined ? {} : { from: standing.from, to: standing.to, renewAt: standing.renewAt }),
      ...(failure === undefined ? {} : { failure }),
    }),
  )
  return {
    renewed,
    ...(standing === undefined ? {} : { daysLeft: standing.daysLeft }),
    ...(failure === undefined ? {} : { failure }),
  }
}

const told = (standing: Standing | undefined) =>
  standing === undefined ? {} : { daysLeft: standing.daysLeft, standing: standing.is }

/** @throws CredentialsUnusable */
export function standingOfKept(kept: Credentials, days: number | undefined, now: number) {
  const { from, to } = describe(kept)
  return { from, to, ...standingOf({ from, to }, days, now) }
}

interface Done {
  readonly kept?: Credentials
  readonly renewed: boolean
  readonly failure?: string
}

async function renewIfDue(tended: Tended, now: () => number): Promise<Done> {
  const { cloudstack, renewDays, sleep } = tended
  let kept: Credentials | undefined
  try {
    const keeper = tended.keeper()
    const before = await keeper.read()
    if (before === undefined) return { renewed: false, failure: `none is kept in ${keeper.place}` }
    const described = describe(before)
    kept = before
    if (standingOf(described, renewDays, now()).is === 'fine') return { kept, renewed: false }
    const wanted = { commonName: described.commonName, days: daysOf(described) }
    const fresh = await issue(cloudstack(), before, wanted, { now, sleep })
    await keeper.write(fresh)
    return { kept: fresh, renewed: true }
  } catch (error) {
    const failure = (error instanceof Error ? error.message : String(error)).slice(0, 500)
    return { renewed: false, failure, ...(kept === undefined ? {} : { kept }) }
  }
}
