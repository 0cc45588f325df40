/**
 * A certificate from CloudStack's CA, by issueCertificate (docs/cloudstack-facts.md; apache/cloudstack: IssueCertificateCmd,
 * RootCAProvider). In: a client, what is kept, what is wanted. Out: credentials that were judged, not yet kept. The key is made
 * here and stays here: CloudStack is sent a request, and a key that came in its answer would be passed over.
 */
import { createPublicKey } from 'node:crypto'
import * as z from 'zod/mini'
import type { CloudStack } from '../cloudstack/client.ts'
import { runJob, type Waiting } from '../cloudstack/jobs.ts'
import { type Credentials, check, privateKeyOf } from './credentials.ts'
import { judge } from './judge.ts'
import { certificateRequest, newKey } from './request.ts'

export interface Wanted {
  readonly commonName: string
  /** Of validity; as CloudStack is set unless given. */
  readonly days?: number
  /** Of CloudStack's CA plugins; the one that it is set to unless given. */
  readonly provider?: string
  /** Another key than the kept one. */
  readonly newKey?: boolean
  /** Another CA than the kept one may come. */
  readonly acceptNewCa?: boolean
}

const pem = z.string().check(z.minLength(1), z.maxLength(65_536))
const result = z.object({ certificates: z.object({ certificate: pem, cacertificates: pem }) })

/** @throws CloudStackError, CertificateRefused, CredentialsUnusable */
export async function issue(
  cloudstack: Pick<CloudStack, 'call'>,
  kept: Credentials | undefined,
  wanted: Wanted,
  waiting: Waiting,
): Promise<Credentials> {
  const { commonName, days, provider, acceptNewCa = false } = wanted
  const isKept = kept !== undefined && wanted.newKey !== true
  const key = isKept ? privateKeyOf(kept.key) : await newKey()
  const parameters = {
    csr: certificateRequest(key, commonName),
    domain: commonName,
    ...(days === undefined ? {} : { duration: String(days) }),
    ...(provider === undefined ? {} : { provider }),
  }
  const { certificates } = await runJob(cloudstack, 'issueCertificate', parameters, result, waiting)
  const came = { certificate: certificates.certificate, ca: certificates.cacertificates }
  judge(came, {
    publicKey: createPublicKey(key),
    commonName,
    now: waiting.now(),
    ...(kept === undefined || acceptNewCa ? {} : { keptCa: kept.ca }),
  })
  const credentials = { ...came, key: isKept ? kept.key : key.export({ type: 'pkcs8', format: 'pem' }).toString() }
  check(credentials)
  return credentials
}
