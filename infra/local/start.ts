/**
 * Bridgekeeper as a service on one machine (`npm start`): the functions on the embedded cloud, state on disk. In: the
 * environment. Out: JSON lines on stdout, service.json beside the records for clients, exit 0 on SIGINT or SIGTERM. It
 * may be killed at any moment and started again: the records are what it goes on from.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cloudsOf, environmentOfDeployment } from '../../shared/runtime/clouds.ts'
import { ConfigurationError, parseConfiguration } from '../../shared/runtime/configuration.ts'
import type { Logger } from '../../shared/runtime/logger.ts'
import { type EmbeddedCloud, startEmbeddedCloud } from './cloud/cloud.ts'
import { DataDirectoryError, holdDataDirectory, type Service, serviceFile } from './cloud/dataDirectory.ts'
import { startIngress } from './cloud/ingress.ts'
import { jsonLines } from './cloud/jsonLines.ts'
import { DeploymentError } from './cloud/variables.ts'
import { deadLettersIn, metricsRegister } from './metricsRegister.ts'
import { startMetricsServer } from './metricsServer.ts'
import { checkClouds } from './preflight.ts'

async function main(): Promise<void> {
  const clouds = cloudsOf(process.env)
  const {
    BRIDGEKEEPER_DATA: data,
    BRIDGEKEEPER_WEBHOOK_LISTEN: listen,
    BRIDGEKEEPER_METRICS_LISTEN: measured,
  } = parseConfiguration(environmentOfDeployment(process.env))
  const directory = resolve(data)
  const logger = jsonLines(
    (line) => process.stdout.write(line),
    () => new Date(),
  )
  const records = join(directory, 'records')
  await checkClouds(clouds, existsSync(records))
  const letGo = holdDataDirectory(directory)
  const register = metricsRegister(async () => deadLettersIn(cloud.environment))
  const cloud: EmbeddedCloud = await startEmbeddedCloud({
    ...{ environment: process.env, logger, data: records },
    overrides: () => ({ metrics: register }),
  })
  const ingress = listen === undefined ? undefined : await startIngress(cloud, listen)
  const shown = measured === undefined ? undefined : await startMetricsServer(register, measured)
  const file = serviceFile(directory)
  const names = clouds.map(({ name }) => name)
  const environment = { ...cloud.environment, BRIDGEKEEPER_CLOUD: names.join(',') }
  writeService(file, { pid: process.pid, startedAt: new Date().toISOString(), environment })
  const webhook = ingress === undefined ? {} : { webhook: ingress.url }
  const metrics = shown === undefined ? {} : { metrics: shown.url }
  logger.info('started', { pid: process.pid, data: directory, clouds: names, ...webhook, ...metrics })
  stopOnSignals(cloud, [ingress, shown], logger, () => {
    rmSync(file, { force: true })
    letGo()
  })
}

/** Readable by this user alone from its first byte, and never half-written. */
function writeService(file: string, service: Service): void {
  const fresh = `${file}.${process.pid}`
  rmSync(fresh, { force: true })
  writeFileSync(fresh, `${JSON.stringify(service, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(fresh, file)
}

interface Stopping {
  stop(): Promise<void>
}

/** The first signal lets what is running end; a second one ends everything at once, which is as safe as kill -9. */
function stopOnSignals(
  cloud: EmbeddedCloud,
  servers: readonly (Stopping | undefined)[],
  logger: Logger,
  leave: () => void,
): void {
  let stopping = false
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) process.exit(1)
    stopping = true
    logger.info('stopping', { signal })
    try {
      for (const server of servers) await server?.stop()
      await cloud.stop()
      leave()
      logger.info('stopped')
      process.exitCode = 0
    } catch (error) {
      fail(error)
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, (name) => void stop(name))
}

/** What an operator can put right is said in words; anything else is a fault of ours, and shows where. */
function fail(error: unknown): never {
  const known = [ConfigurationError, DataDirectoryError, DeploymentError].some((kind) => error instanceof kind)
  console.error(known && error instanceof Error ? error.message : error)
  process.exit(1)
}

await main().catch(fail)
