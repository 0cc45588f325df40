/**
 * `bridgekeeper doctor`: what may stand in the way, found out without changing anything and without a deployment. In: the
 * environment of each cloud. Out: findings on stdout; the exit code, 0 if none is an error, 2 otherwise. Its checks are in
 * doctor/, a file for each part of the world.
 */
import { NoAnswer } from '../../shared/cloudstack/errors.ts'
import { secretsOf } from '../../shared/runtime/awsSecret.ts'
import { readCloudStackSettings } from '../../shared/runtime/cloudStackSecret.ts'
import type { Cloud } from '../../shared/runtime/clouds.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { cloudStackOf, wayTo } from '../../shared/runtime/runtime.ts'
import type { SettingsWithCloudStack } from '../../shared/runtime/settings.ts'
import { type Check, runChecks, worst } from './doctor/check.ts'
import { cloudstackChecks } from './doctor/cloudstackChecks.ts'
import { doctorJson, type doctorSchema } from './doctor/doctorJson.ts'
import { doctorText, type OfCloud } from './doctor/doctorText.ts'
import { gather, once } from './doctor/evidence.ts'
import { loginChecks } from './doctor/loginChecks.ts'
import { lookAtWire } from './doctor/wire.ts'
import type { Output } from './output.ts'
import { printableJson } from './printable.ts'
import { nobody } from './progressLine.ts'

export interface DoctorOptions {
  readonly output: 'table' | 'json'
  readonly quiet?: boolean
}

/** A listing of 500 networks takes a server six seconds. */
const usualTimeoutMs = 30_000
/** A person waits so long for a server that asks for it, and no longer. */
const longestPauseMs = 5000

/** @param timeoutMs for one answer @throws ConfigurationError when the settings of a cloud cannot be used */
export async function doctorCommand(
  options: DoctorOptions,
  clouds: readonly Cloud[],
  output: Output,
  timeoutMs = usualTimeoutMs,
): Promise<number> {
  const configured = await Promise.all(
    clouds.map(async ({ name, environment }) => {
      const secret = secretsOf(environment)
      return { name, settings: await readCloudStackSettings(environment, secret, Date.now), secret }
    }),
  )
  const follower = options.quiet === true ? nobody : output.follower
  const found: OfCloud[] = []
  for (const { name, settings, secret } of configured) {
    const progress = (check: string): void => follower.show(`${name}: ${check} …`, Date.now())
    found.push({ cloud: name, findings: await runChecks(checksOf(name, settings, secret, timeoutMs), progress) })
  }
  follower.end()
  const json: ReturnType<typeof doctorSchema.parse> = doctorJson(found)
  const text = () => doctorText(found, options.quiet === true, output.look(Date.now()))
  output.print(options.output === 'json' ? printableJson(json) : text())
  return worst(found.flatMap(({ findings }) => findings)) === 'error' ? 2 : 0
}

function checksOf(
  cloud: string,
  settings: SettingsWithCloudStack,
  secret: ReturnType<typeof secretsOf>,
  timeoutMs: number,
): readonly Check[] {
  const cloudstack = cloudStackOf(settings, { logger: silent, timeoutMs, sleep: pause })
  const wire = once(() => lookAtWire(settings.CLOUDSTACK_API_URL, wayTo(settings), Date.now, timeoutMs))
  const evidence = gather(cloudstack, cloud, Date.now)
  return [...cloudstackChecks(evidence, wire, settings), ...loginChecks(evidence, settings, secret)]
}

/** @throws NoAnswer where the server asks for more patience than a person has */
async function pause(milliseconds: number): Promise<void> {
  if (milliseconds > longestPauseMs) {
    const seconds = Math.ceil(milliseconds / 1000)
    throw new NoAnswer(`CloudStack is busy and asks to wait ${seconds} s: run this again then`)
  }
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
}
