/**
 * What an operator has before the first deployment: a CloudStack, hosts behind SSH, an account of AWS with the secrets in it, and a clean
 * clone. In: an emulator. Out: Serverless and the command line over all that, and the end of it.
 */
import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { seedCloud } from '../../infra/local/cloudstackSimulator/seed.ts'
import { type CloudStackSimulator, startCloudStackSimulator } from '../../infra/local/cloudstackSimulator/simulator.ts'
import { type SimulatedHosts, startHostSimulator } from '../../infra/local/hostSimulator/hostSimulator.ts'
import { cloned } from '../aws/clone.ts'
import { type Ended, run } from '../cli/program.ts'
import { type Emulator, region } from './emulator.ts'

export const stage = 'trial'
export const hostNames = ['kvm1', 'kvm2', 'kvm3', 'kvm4', 'kvm5', 'kvm6']
export const vlans = [100, 101, 102]

export interface Site {
  readonly simulator: CloudStackSimulator
  readonly hosts: SimulatedHosts
  /** The clone. */
  readonly folder: string
  /** `npx serverless …`; the stage and region are added. @returns all that it printed. @throws Error with the same */
  readonly serverless: (...args: readonly string[]) => Promise<string>
  /** `npx bridgekeeper … --stage S --region R`. */
  readonly bridgekeeper: (...args: readonly string[]) => Promise<Ended>
  readonly stop: () => Promise<void>
}

export async function openSite({ environment }: Emulator): Promise<Site> {
  const hosts = await startHostSimulator({ names: hostNames })
  const zone = {
    name: 'zone-1',
    physicalNetworks: [{ name: 'guest', labels: { KVM: 'cloudbr1' } }],
    clusters: [{ name: 'c1', hosts: hosts.hosts.map(({ name, address }) => ({ name, address })) }],
    networks: vlans.map((id) => ({ name: `n${id}`, uri: `vlan://${id}` })),
  }
  const simulator = await startCloudStackSimulator({ seed: seedCloud([zone]) })
  const { url, apiKey, secretKey } = simulator
  await keepSecrets(environment, {
    'bridgekeeper/cloudstack/default': JSON.stringify({ url, apiKey, secretKey }),
    'bridgekeeper/ssh/default': hosts.privateKey,
  })
  const folder = await cloned()
  addSetting(folder, 'BRIDGEKEEPER_SSH_PORT', String(hosts.port))
  const place = ['--stage', stage, '--region', region]
  return {
    ...{ simulator, hosts, folder },
    serverless: (...args) => npx(folder, [...args, ...place], environment),
    bridgekeeper: (...args) => run([...args, ...place], environment),
    stop: async () => {
      rmSync(folder, { recursive: true, force: true })
      await simulator.stop()
      await hosts.close()
    },
  }
}

async function keepSecrets(
  environment: Emulator['environment'],
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  const { AWS_ENDPOINT_URL: endpoint = '', AWS_ACCESS_KEY_ID: accessKeyId = '' } = environment
  const credentials = { accessKeyId, secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '' }
  const client = new SecretsManagerClient({ endpoint, region, credentials })
  for (const [Name, SecretString] of Object.entries(secrets))
    await client.send(new CreateSecretCommand({ Name, SecretString }))
  client.destroy()
}

/** As docs/aws.md has it: a line of `provider.environment`. */
function addSetting(folder: string, name: string, value: string): void {
  const file = join(folder, 'serverless.yml')
  const text = readFileSync(file, 'utf8')
  const line = '    BRIDGEKEEPER_TABLE: { Ref: Table }\n'
  if (!text.includes(line)) throw new Error('serverless.yml has no place for one more setting')
  writeFileSync(file, text.replace(line, `${line}    ${name}: '${value}'\n`))
}

/** What a new version of the suite is to a deployment: a function of other code. */
export const changeSource = (folder: string): void =>
  appendFileSync(join(folder, 'functions/backfill/handler.ts'), '\nexport const changed = true\n')

/** `npx serverless` of the clone, with nothing in its environment but a search path and where AWS is. */
async function npx(folder: string, args: readonly string[], environment: Emulator['environment']): Promise<string> {
  const program = join(folder, 'node_modules/serverless/bin/serverless.js')
  const env = { PATH: process.env.PATH ?? '', HOME: folder, CI: '1', ...environment }
  const running = promisify(execFile)(process.execPath, [program, ...args], { cwd: folder, env, timeout: 120_000 })
  const { stdout, stderr } = await running.catch((error: Error & { stdout: string; stderr: string }) => {
    throw new Error(`${error.stdout}${error.stderr}` || error.message)
  })
  return `${stdout}${stderr}`
}
