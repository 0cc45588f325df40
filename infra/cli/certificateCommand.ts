/**
 * `bridgekeeper certificate issue`, `renew`, `status`: the certificate by which agents know the provisioner. In: options, settings. Out: on
 * stdout what is kept now; exit code 0, or 2 where it is due, ended or none. It needs no deployment that runs.
 */
import { type Credentials, describe } from '../../shared/certificate/credentials.ts'
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
  readonly dryRun?: boolean
  readonly output: 'table' | 'json'
}

export interface CertificateParts {
  readonly keeper: Keeper
  readonly cloudstack: () => Pick<CloudStack, 'call'>
  readonly renewDays?: number
  readonly waiting: Waiting
  /** The names of the hosts that agents serve. @throws CloudStackError */
  readonly agents: () => Promise<readonly string[]>
}

/** @throws UsageError, CloudStackError, CertificateRefused, CredentialsUnusable, KeepingFailed, and what AWS throws */
export async function certificateCommand(
  what: 'issue' | 'renew' | 'status',
  options: CertificateOptions,
  parts: CertificateParts,
  output: Output,
): Promise<number> {
  if (what !== 'status') {
    const before = await parts.keeper.read()
    const wanted = wantedOf(what, options, before, parts.keeper.place)
    if (options.dryRun === true) {
      output.print(await plannedText(options, wanted, before, parts))
      return 0
    }
    await getOne(options, wanted, before, parts, output)
  }
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

/** @throws UsageError */
function wantedOf(
  what: 'issue' | 'renew',
  options: CertificateOptions,
  kept: Credentials | undefined,
  place: string,
): Wanted {
  const before = kept === undefined ? undefined : describe(kept)
  if (what === 'renew' && before === undefined)
    throw new UsageError(`none is kept in ${place}: get the first one with "bridgekeeper certificate issue".`)
  if (what === 'issue' && before !== undefined && options.replace !== true)
    throw new UsageError(`one is kept in ${place}: renew it with "bridgekeeper certificate renew", or give --replace.`)
  const commonName = options.name ?? before?.commonName ?? 'bridgekeeper'
  if (!namePattern.test(commonName))
    throw new UsageError(
      `--name ${JSON.stringify(commonName.slice(0, 100))} is no host's name of 64 characters at most.`,
    )
  const days = options.days ?? (before === undefined ? undefined : daysOf(before))
  return {
    commonName,
    newKey: options.newKey === true,
    acceptNewCa: options.acceptNewCa === true,
    ...(days === undefined ? {} : { days }),
  }
}

/** Whatever is told here goes to people alone: JSON is what is kept, and nothing beside it. */
async function getOne(
  options: CertificateOptions,
  wanted: Wanted,
  kept: Credentials | undefined,
  parts: CertificateParts,
  output: Output,
): Promise<void> {
  const fresh = await issue(parts.cloudstack(), kept, wanted, parts.waiting)
  await parts.keeper.write(fresh)
  const told = [
    shorter(wanted, fresh),
    isNewKey(wanted, kept) ? await whoMustLearn(describe(fresh).publicKey, parts) : '',
  ]
  if (options.output === 'table') for (const line of told.filter(Boolean)) output.print(line)
}

/** CloudStack gives what it is set to, whatever is asked for. It begins half a day before it is issued. */
function shorter({ days }: Wanted, fresh: Credentials): string {
  const given = daysOf(describe(fresh))
  if (days === undefined || given >= days - 1) return ''
  return `${days} days were asked for, and CloudStack gave ${given}.`
}

const isNewKey = ({ newKey }: Wanted, kept: Credentials | undefined): boolean => newKey === true && kept !== undefined

/** Agents that admit a name know the new key too; those that admit a key have to be told of it. */
async function whoMustLearn(publicKey: string, { agents }: CertificateParts): Promise<string> {
  const names = await agents()
  const shown = names.slice(0, 20).map(oneLine).join(', ')
  const more = names.length > 20 ? ` and ${names.length - 20} more` : ''
  const whose =
    names.length === 0 ? 'No host is served by an agent.' : `Agents serve ${names.length} hosts: ${shown}${more}.`
  return `${whose} One whose "admit" has the old key refuses the new one until it has ${publicKey} (/etc/bridgekeeper/agent.json).`
}

async function plannedText(
  { output }: CertificateOptions,
  wanted: Wanted,
  kept: Credentials | undefined,
  parts: CertificateParts,
): Promise<string> {
  const key = kept === undefined || wanted.newKey ? 'a new one, which is made here' : 'the one that is kept'
  const planned = { commonName: wanted.commonName, days: wanted.days ?? null, key, place: parts.keeper.place }
  if (output === 'json') return printableJson({ version: 1, dryRun: true, planned })
  return [
    'CloudStack would be asked for a certificate, and nothing was:',
    `name     CN=${wanted.commonName}, which is its only DNS name`,
    `days     ${wanted.days ?? 'as CloudStack is set'}`,
    `key      ${key}`,
    `kept in  ${parts.keeper.place}`,
    isNewKey(wanted, kept) ? await whoMustLearn('it', parts) : '',
  ]
    .filter(Boolean)
    .join('\n')
}
