/**
 * The command line's grammar: commands, options, and what each calls. In: what the process has. Out: a program whose
 * actions store an exit code; what cannot be understood is thrown as commander's own error, already written.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { sqsClient } from '../../shared/runtime/clients.ts'
import type { Environment } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { createRuntime, type Runtime } from '../../shared/runtime/runtime.ts'
import { type ActOptions, pauseCommand, releaseCommand, resumeCommand } from './actCommands.ts'
import { type BackfillOptions, backfillCommand } from './backfillCommand.ts'
import { addCertificate, addDoctor, addRole, addWebhook } from './cloudstackCommands.ts'
import { type Deployment, findDeployment, queuesOf, type Where, withSnapshotQueue } from './deployment.ts'
import { acceptCommand, importCommand, type KeyOptions, listCommand } from './hostKeysCommand.ts'
import { type JobsOptions, jobsCommand } from './jobsCommand.ts'
import { withWhy } from './operator.ts'
import type { Output } from './output.ts'
import { type PageOptions, pageCommand } from './page/pageCommand.ts'
import { oneLine } from './printable.ts'
import { withSelectors } from './selectors.ts'
import { type StatusOptions, statusCommand } from './statusCommand.ts'

export interface Surroundings {
  readonly environment: Environment
  readonly output: Output
  readonly writeError: (text: string) => void
  /** Begins to listen for Ctrl-C. */
  readonly interruption: () => AbortSignal
}

/** What a command tells while it runs: which deployment was found, for errors that follow; and at its end, its exit code. */
export interface Told {
  readonly found: (deployment: Deployment) => void
  readonly exit: (code: number) => void
}

export function createProgram(version: string, around: Surroundings, told: Told): Command {
  const program = new Command('bridgekeeper')
    .description(
      'Keeps CloudStack persistent networks present on every host. Exit code: 0 in sync or done, 1 error, 2 out of sync.',
    )
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${oneLine(text.replace(/^error: /, 'bridgekeeper: '))}\n`),
      writeErr: around.writeError,
    })
  addStatus(program, around, told)
  addBackfill(program, around, told)
  addJobs(program, around, told)
  addPage(program, around, told)
  addActs(program, around, told)
  addHostKeys(program, around, told)
  addDoctor(program, around, told)
  addRole(program, around, told)
  addCertificate(program, around, told)
  addWebhook(program, around, told)
  return program
}

function addStatus(program: Command, around: Surroundings, told: Told): void {
  const command = program.command('status').description('what is known of every host, and what to do next')
  withPlace(withSelectors(command))
    .option('--network <network>', 'only this network, by name, id or URI')
    .option('--networks', 'host by network')
    .option('--history', 'also what operators did and which holds began and ended, newest first')
    .option('--accept-unverified', 'count a request that cannot be verified as in sync')
    .action(async (options: StatusOptions & Where) => {
      const deployment = findDeployment(options, around.environment)
      told.found(deployment)
      told.exit(await statusCommand(options, createRuntime(deployment.environment, silent), around.output))
    })
}

function addBackfill(program: Command, around: Surroundings, told: Told): void {
  const command = program
    .command('backfill')
    .description('run the chosen hosts again now; every host when none is chosen')
  withPlace(withWhy(withSelectors(command)))
    .option('--wait', 'wait until every host is done, and show how it went')
    .option('--timeout <seconds>', 'how long to wait', secondsOf, 600)
    .action(async (options: BackfillOptions & Where) => {
      const runtime = await runtimeWithQueue(options, around, told)
      told.exit(await backfillCommand(options, runtime, around.output, around.interruption()))
    })
}

function addJobs(program: Command, around: Surroundings, told: Told): void {
  const command = program.command('jobs').description('what waits, what runs, and messages that nobody could read')
  withPlace(withSelectors(command)).action(async (options: JobsOptions & Where) => {
    const deployment = findDeployment(options, around.environment)
    told.found(deployment)
    const runtime = createRuntime(deployment.environment, silent)
    const client = sqsClient(deployment.environment)
    try {
      told.exit(await jobsCommand(options, runtime, client, await queuesOf(deployment), around.output))
    } finally {
      client.destroy()
    }
  })
}

function addPage(program: Command, around: Surroundings, told: Told): void {
  program
    .command('page')
    .description('the status page of a stage on AWS, in a browser of this machine, until Ctrl-C')
    .requiredOption('--stage <stage>', 'the deployment on AWS of this stage')
    .option('--region <region>', 'the AWS region of the stage (default: AWS_REGION)')
    .option('--port <port>', 'where to listen on 127.0.0.1; 0: any that is free', portOf, 4817)
    .option('-q, --quiet', 'the address alone')
    .action(async (options: PageOptions & Where) => {
      const deployment = findDeployment(options, around.environment)
      told.found(deployment)
      const { stage, environment } = deployment
      told.exit(await pageCommand(options, stage, environment, around.output, around.interruption()))
    })
}

function addActs(program: Command, around: Surroundings, told: Told): void {
  const act = (usage: string, description: string): Command =>
    withPlace(withWhy(program.command(usage).description(description).option('--zone <zone>', 'of this zone alone')))
  act('pause', 'do nothing on any host until it is resumed').action(async (options: ActOptions & Where) => {
    const deployment = findDeployment(options, around.environment)
    told.found(deployment)
    told.exit(await pauseCommand(options, createRuntime(deployment.environment, silent), around.output))
  })
  act('resume', 'end a pause').action(async (options: ActOptions & Where) => {
    told.exit(await resumeCommand(options, await runtimeWithQueue(options, around, told), around.output))
  })
  act('release', 'open what is held or refused, as status shows it')
    .argument('[cause]', 'only this cause of a hold; or "hosts" or "networks", whose disappearance is not believed')
    .action(async (cause: string | undefined, options: ActOptions & Where) => {
      told.exit(await releaseCommand(cause, options, await runtimeWithQueue(options, around, told), around.output))
    })
}

function addHostKeys(program: Command, around: Surroundings, told: Told): void {
  const group = program.command('hostkeys').description('the SSH keys that hosts are known by')
  withPlace(withWhy(group.command('import').description('take the keys of a known_hosts file, or of ssh-keyscan')))
    .argument('<file>', 'its name, or - for the standard input')
    .option('--replace', 'also of hosts that have other keys on record')
    .action(async (file: string, options: KeyOptions & Where) => {
      told.exit(await importCommand(file, options, await runtimeWithQueue(options, around, told), around.output))
    })
  withPlace(
    withSelectors(group.command('list').description('which keys are on record, and which were refused')),
  ).action(async (options: KeyOptions & Where) => {
    const deployment = findDeployment(options, around.environment)
    told.found(deployment)
    told.exit(await listCommand(options, createRuntime(deployment.environment, silent), around.output))
  })
  withPlace(withWhy(group.command('accept').description('take the key that a host presented and that was refused')))
    .argument('<fingerprint>', 'of that key, as it was compared on the host: SHA256:…')
    .option('--host <host>', 'the host, by name or id')
    .option('--zone <zone>', 'its zone, by name or id')
    .option('--jump', 'the jump host')
    .action(async (fingerprint: string, options: KeyOptions & Where) => {
      told.exit(await acceptCommand(fingerprint, options, await runtimeWithQueue(options, around, told), around.output))
    })
}

/** For what ends with a snapshot. */
async function runtimeWithQueue(where: Where, around: Surroundings, told: Told): Promise<Runtime> {
  const found = findDeployment(where, around.environment)
  told.found(found)
  const deployment = await withSnapshotQueue(found)
  told.found(deployment)
  return createRuntime(deployment.environment, silent)
}

const withPlace = (command: Command): Command =>
  command
    .option('--stage <stage>', 'the deployment on AWS of this stage (default: the environment, or the service here)')
    .option('--region <region>', 'the AWS region of the stage (default: AWS_REGION)')
    .option('--cloud <cloud>', 'which cloud, where the deployment has several (BRIDGEKEEPER_CLOUD)')
    .addOption(new Option('-o, --output <format>', 'of the data on stdout').choices(['table', 'json']).default('table'))
    .option('-q, --quiet', 'no progress and no advice')

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536
  if (port <= 65_535) return port
  throw new InvalidArgumentError('It is not a port, from 0 to 65535.')
}

const longest = 86_400

function secondsOf(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (seconds >= 1 && seconds <= longest) return seconds
  throw new InvalidArgumentError(`It is not a whole number of seconds from 1 to ${longest}.`)
}
