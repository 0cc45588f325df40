/**
 * The certificate by which agents know a cloud's provisioner, from the settings. In: settings, an environment. Out: where it is kept, and
 * what is in force now. Files are read for each session; a secret is held for five minutes, and read anew where an agent refused
 * it or it has ended: so a renewed certificate is in use without a restart.
 */
import { join } from 'node:path'
import { type Credentials, CredentialsUnusable, check, describe } from '../certificate/credentials.ts'
import { type Files, keptInFiles } from '../certificate/files.ts'
import type { Keeper } from '../certificate/keeper.ts'
import { keptInSecret } from '../certificate/secret.ts'
import { type CertificateReport, tendCertificate } from '../flow/certificate.ts'
import { secretsClient } from './clients.ts'
import { ConfigurationError, type Environment } from './configuration.ts'
import type { Runtime } from './runtime.ts'
import type { Settings } from './settings.ts'

export interface AgentCertificate {
  readonly keeper: Keeper
  /** @throws ConfigurationError where none is kept, or it cannot be used; whatever AWS throws */
  current(): Promise<Credentials>
  /** The same, and never what was read before. */
  anew(): Promise<Credentials>
}

const heldMilliseconds = 300_000

/** @throws ConfigurationError when the settings contradict each other */
export function agentCertificateOf(settings: Settings, environment: Environment, now: () => number): AgentCertificate {
  const secret = settings.BRIDGEKEEPER_AGENT_SECRET
  const files = filesOf(settings)
  if (secret === undefined) return certificateKept(keptInFiles(files.named ?? files.usual), 0, now)
  if (files.named === undefined)
    return certificateKept(
      keptInSecret(secretsClient(environment), `${secret}/${settings.BRIDGEKEEPER_CLOUD}`),
      heldMilliseconds,
      now,
    )
  throw new ConfigurationError(
    'BRIDGEKEEPER_AGENT_SECRET and BRIDGEKEEPER_AGENT_CERT_FILE, …_KEY_FILE, …_CA_FILE are both set: keep the certificate in one place, and leave the other out.',
  )
}

/** @param hold for so many milliseconds what was read counts */
export function certificateKept(keeper: Keeper, hold: number, now: () => number): AgentCertificate {
  let held: { readonly credentials: Credentials; readonly until: number } | undefined
  const anew = async (): Promise<Credentials> => {
    const credentials = await readUsable(keeper)
    held = { credentials, until: Math.min(now() + hold, describe(credentials).to) }
    return credentials
  }
  return { keeper, anew, current: async () => (held !== undefined && now() < held.until ? held.credentials : anew()) }
}

async function readUsable(keeper: Keeper): Promise<Credentials> {
  let why: string
  try {
    const credentials = await keeper.read()
    if (credentials !== undefined) {
      check(credentials)
      return credentials
    }
    why = 'there is none yet'
  } catch (error) {
    if (!(error instanceof CredentialsUnusable)) throw error
    why = error.message
  }
  throw new ConfigurationError(
    `the certificate for agents cannot be used (${why}; it is kept in ${keeper.place}): get one with "npx bridgekeeper certificate issue" (docs/agent.md).`,
  )
}

/** The three that are named, and those of this cloud beside the records. @throws ConfigurationError for one or two that are named */
function filesOf(settings: Settings): { readonly named: Files | undefined; readonly usual: Files } {
  const {
    BRIDGEKEEPER_AGENT_CERT_FILE: certificate,
    BRIDGEKEEPER_AGENT_KEY_FILE: key,
    BRIDGEKEEPER_AGENT_CA_FILE: ca,
  } = settings
  const folder = join(settings.BRIDGEKEEPER_DATA, 'agent', settings.BRIDGEKEEPER_CLOUD)
  const usual = {
    certificate: join(folder, 'certificate.pem'),
    key: join(folder, 'key.pem'),
    ca: join(folder, 'ca.pem'),
  }
  if (certificate === undefined && key === undefined && ca === undefined) return { named: undefined, usual }
  const lacking = Object.entries({
    BRIDGEKEEPER_AGENT_CERT_FILE: certificate,
    BRIDGEKEEPER_AGENT_KEY_FILE: key,
    BRIDGEKEEPER_AGENT_CA_FILE: ca,
  }).flatMap(([name, file]) => (file === undefined ? [name] : []))
  if (certificate !== undefined && key !== undefined && ca !== undefined) {
    if (new Set([certificate, key, ca]).size === 3) return { named: { certificate, key, ca }, usual }
    throw new ConfigurationError(
      'BRIDGEKEEPER_AGENT_CERT_FILE, …_KEY_FILE and …_CA_FILE name one file twice: name three.',
    )
  }
  throw new ConfigurationError(
    `${lacking.join(' and ')} ${lacking.length > 1 ? 'are' : 'is'} not set: name a PEM file for each of certificate, key and CA, or none, and they are kept under BRIDGEKEEPER_DATA.`,
  )
}

/** What is left to the rest of the function's work: half of its time. */
const share = 0.5

/**
 * The daily look, for a cloud that has agents. @param remaining milliseconds until the function is ended
 * @returns nothing to report where there are none. @throws what the store throws
 */
export async function tendAgentCertificate(
  runtime: Runtime,
  remaining: number,
): Promise<{ readonly certificate?: CertificateReport }> {
  const { settings, policy, ports, cloudstack, agentCertificate, sleep } = runtime
  if (!Object.values(policy.drivers).flat().includes('kvm-agent')) return {}
  const renewDays = settings.BRIDGEKEEPER_AGENT_RENEW_DAYS
  return {
    certificate: await tendCertificate(ports, policy.cloud, {
      keeper: () => agentCertificate().keeper,
      cloudstack: () => cloudstack(ports.now() + remaining * share),
      sleep,
      ...(renewDays === undefined ? {} : { renewDays }),
    }),
  }
}
