/**
 * The commands that speak to CloudStack itself and need no deployment: only the settings that name it and a key, of the environment or of a
 * stage on AWS. In: what the process has. Out: `doctor`, `role`, `certificate` and `webhook`, on the program.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { fewestDays } from '../../shared/certificate/renewal.ts'
import { defaultRoleName } from '../../shared/cloudstack/role.ts'
import { agentCertificateOf } from '../../shared/runtime/agentCertificate.ts'
import { secretsOf } from '../../shared/runtime/awsSecret.ts'
import { readCloudStackSettings } from '../../shared/runtime/cloudStackSecret.ts'
import type { Cloud } from '../../shared/runtime/clouds.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { cloudStackIn, cloudStackOf } from '../../shared/runtime/runtime.ts'
import { webhookSecretOf } from '../../shared/runtime/webhookSecret.ts'
import { type CertificateOptions, certificateCommand } from './certificateCommand.ts'
import { cloudsAt, type Where } from './deployment.ts'
import { type DoctorOptions, doctorCommand } from './doctorCommand.ts'
import type { Surroundings, Told } from './program.ts'
import { type RoleOptions, roleCommand } from './roleCommand.ts'
import { UsageError } from './selectors.ts'
import { type WebhookOptions, webhookCommand } from './webhookCommand.ts'

/** A person waits; a listing of 500 networks takes a server six seconds. */
const timeoutMs = 30_000

export function addDoctor(program: Command, around: Surroundings, told: Told): void {
  const command = program.command('doctor').description('what may stand in the way: CloudStack, the key, its rights')
  withCloud(command).action(async (options: DoctorOptions & Where) => {
    const clouds = cloudsAt(options, around.environment, told.found)
    told.exit(await doctorCommand(options, clouds, around.output))
  })
}

export function addRole(program: Command, around: Surroundings, told: Told): void {
  const group = program.command('role').description('the least that the key of Bridgekeeper has to be allowed')
  const act = (name: 'show' | 'create', description: string): Command =>
    withCloud(group.command(name).description(description))
      .option('--name <name>', 'of the role in CloudStack', defaultRoleName)
      .action(async (options: RoleOptions & Where) => {
        const { environment } = cloudAt(options, around, told)
        const settings = await readCloudStackSettings(environment, secretsOf(environment), Date.now)
        const cloudstack = cloudStackOf(settings, { logger: silent, timeoutMs })
        told.exit(await roleCommand(name, options, settings, cloudstack, around.output))
      })
  act('show', 'the role as it is in CloudStack, and how it differs from what is needed')
  act('create', 'show the role that would be made, and with --apply make it; one that exists is never changed')
    .option('--apply', 'make it, with the key of an administrator who may')
    .option('--dry-run', 'only show it, as without --apply')
}

export function addCertificate(program: Command, around: Surroundings, told: Told): void {
  const group = program.command('certificate').description('the certificate by which agents know Bridgekeeper')
  const act = (name: 'issue' | 'renew' | 'status', description: string): Command =>
    withCloud(group.command(name).description(description)).action(async (options: CertificateOptions & Where) => {
      const { environment } = cloudAt(options, around, told)
      const settings = parseConfiguration(environment)
      const renewDays = settings.BRIDGEKEEPER_AGENT_RENEW_DAYS
      const secret = secretsOf(environment)
      const cloudstack = () => cloudStackIn(environment, { logger: silent, timeoutMs }, secret, Date.now)
      const parts = {
        keeper: agentCertificateOf(settings, environment, Date.now).keeper,
        cloudstack,
        agents: async () => {
          const isServed = (hypervisor: string): boolean =>
            settings.BRIDGEKEEPER_DRIVERS[hypervisor]?.includes('kvm-agent') === true
          const hosts = await cloudstack().listHosts()
          return hosts.filter(({ hypervisor }) => isServed(hypervisor)).map(({ name }) => name)
        },
        waiting: { now: Date.now, sleep: (wait: number) => delay(wait) },
        ...(renewDays === undefined ? {} : { renewDays }),
      }
      told.exit(await certificateCommand(name, options, parts, around.output))
    })
  const getting = (command: Command): Command =>
    command
      .option('--name <name>', 'its common name (default: that of the kept one, or bridgekeeper)')
      .option('--days <days>', 'how long it is to last (default: as the kept one, or as CloudStack is set)', daysIn)
      .option('--new-key', 'with another key; agents that admit the old one by its digest have to learn the new one')
      .option('--accept-new-ca', 'also where CloudStack has another CA than the kept one')
      .option('--dry-run', 'only say what would be asked for')
  act('status', 'what is kept, until when, and who renews it')
  getting(act('issue', 'get the first one')).option('--replace', 'also where one is kept')
  getting(act('renew', 'get one for the same key, whether it is due or not'))
}

export function addWebhook(program: Command, around: Surroundings, told: Told): void {
  const group = program.command('webhook').description('the webhook of CloudStack that starts snapshots (from 4.20 on)')
  const act = (name: 'install' | 'status' | 'remove', description: string): Command =>
    withCloud(group.command(name).description(description)).action(async (options: WebhookOptions & Where) => {
      const { name: cloud, environment } = cloudAt(options, around, told)
      const settings = await readCloudStackSettings(environment, secretsOf(environment), Date.now)
      const cloudstack = cloudStackOf(settings, { logger: silent, timeoutMs })
      const parts = { cloud, cloudstack, keeper: webhookSecretOf(settings, environment) }
      told.exit(await webhookCommand(name, options, parts, around.output))
    })
  act('status', 'whether it is installed, and its last deliveries')
  act('install', 'make it, or put it right; its secret is made where there is none')
    .option('--url <url>', 'the address of the function webhook, as CloudStack reaches it (default: as it is)')
    .option('--new-secret', 'with another secret')
    .option('--dry-run', 'only say what would be done')
  act('remove', 'remove it; its secret is kept').option('--dry-run', 'only say what would be done')
}

/** @throws UsageError where there are several and none is named; what cloudsAt throws */
function cloudAt(where: Where, around: Surroundings, told: Told): Cloud {
  const [cloud, ...others] = cloudsAt(where, around.environment, told.found)
  if (others.length === 0) return cloud
  const all = [cloud, ...others].map(({ name }) => name).join(', ')
  throw new UsageError(`there are several clouds: name one with --cloud: ${all}.`)
}

function daysIn(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (days >= fewestDays && days <= 3650) return days
  throw new InvalidArgumentError(`It is not a whole number of days from ${fewestDays} to 3650.`)
}

const withCloud = (command: Command): Command =>
  command
    .option('--stage <stage>', 'with the settings of this stage on AWS (default: the environment)')
    .option('--region <region>', 'the AWS region of the stage (default: AWS_REGION)')
    .option('--cloud <cloud>', 'which cloud, where there are several (BRIDGEKEEPER_CLOUD)')
    .addOption(new Option('-o, --output <format>', 'of the data on stdout').choices(['table', 'json']).default('table'))
    .option('-q, --quiet', 'no progress and no advice')
