/**
 * `bridgekeeper certificate issue`, `renew`, `status`: the certificate by which agents know the provisioner. In: options, settings. Out: on
 * stdout what is kept now; exit code 0, or 2 where it is due, ended or none. It needs no deployment that runs.
 */
import { describe } from '../../shared/certificate/credentials.ts'
import { issue, type Wanted } from '../../shared/certificate/issue.ts'
import type { Keeper } from '../../shared/certificate/keeper.ts'
import { daysOf, standingOf } from '../../shared/certificate/renewal.ts'
import { namePattern } from '../../shared/certificate/request.ts'
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import type { Waiting } from '../../shared/cloudstack/jobs.ts'
import { isoTime } from './duration.ts'
import type { Output } from './output.ts'
import { oneLine, printableJson } from './printable.ts'
import { UsageError } from './selectors.ts'

export interface CertificateOptions {
  readonly name?: string
  readonly days?: number
  readonly replace?: boolean
  readonly newKey?: boolean
  readonly acceptNewCa?: boolean
  readonly output: 'table' | 'json'
}

export interface CertificateParts {
  readonly keeper: Keeper
  readonly cloudstack: () => Pick<CloudStack, 'call'>
  readonly renewDays?: number
  readonly waiting: Waiting
}

/** @throws UsageError, CloudStackError, CertificateRefused, CredentialsUnusable, KeepingFailed, and what AWS throws */
export async function certificateCommand(
  what: 'issue' | 'renew' | 'status',
  options: CertificateOptions,
  parts: CertificateParts,
  output: Output,
): Promise<number> {
  if (what !== 'status') await getOne(what, options, parts)
  const kept = await parts.keeper.read()
  if (kept === undefined) {
    const json = { version: 1, place: parts.keeper.place, certificate: null }
    output.print(options.output === 'json' ? printableJson(json) : `none is kept in ${parts.keeper.place}.`)
    return 2
  }
  const told = describe(kept)
  const { is, renewAt, daysLeft } = standingOf(told, parts.renewDays, parts.waiting.now())
  const certificate = {
    ...told,
    from: isoTime(told.from),
    to: isoTime(told.to),
    ca: told.ca.map((one) => ({ ...one, to: isoTime(one.to) })),
    standing: is,
    daysLeft,
    renewAt: isoTime(renewAt),
    renewedBy: 'housekeeping',
  }
  const lines = [
    `subject      ${oneLine(told.subject)}`,
    `issuer       ${oneLine(told.issuer)}`,
    `fingerprint  sha256:${told.fingerprint}`,
    `public key   ${told.publicKey}   (what an agent's "admit" takes)`,
    `valid        ${certificate.from} to ${certificate.to}: ${is}, ${daysLeft} days left`,
    `renewed      by housekeeping, once a day, from ${certificate.renewAt} on`,
    `kept in      ${parts.keeper.place}`,
  ]
  const json = { version: 1, place: parts.keeper.place, certificate }
  output.print(options.output === 'json' ? printableJson(json) : lines.join('\n'))
  return is === 'fine' ? 0 : 2
}

async function getOne(what: 'issue' | 'renew', options: CertificateOptions, parts: CertificateParts): Promise<void> {
  const kept = await parts.keeper.read()
  const before = kept === undefined ? undefined : describe(kept)
  if (what === 'renew' && before === undefined)
    throw new UsageError(
      `none is kept in ${parts.keeper.place}: get the first one with "bridgekeeper certificate issue".`,
    )
  if (what === 'issue' && before !== undefined && options.replace !== true)
    throw new UsageError(
      `one is kept in ${parts.keeper.place}: renew it with "bridgekeeper certificate renew", or give --replace.`,
    )
  const commonName = options.name ?? before?.commonName ?? 'bridgekeeper'
  if (!namePattern.test(commonName))
    throw new UsageError(
      `--name ${JSON.stringify(commonName.slice(0, 100))} is no host's name of 64 characters at most.`,
    )
  const days = options.days ?? (before === undefined ? undefined : daysOf(before))
  const wanted: Wanted = {
    commonName,
    newKey: options.newKey === true,
    acceptNewCa: options.acceptNewCa === true,
    ...(days === undefined ? {} : { days }),
  }
  await parts.keeper.write(await issue(parts.cloudstack(), kept, wanted, parts.waiting))
}
