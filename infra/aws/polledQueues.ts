/**
 * Which queues of jobs are polled: Lambda asks an enabled event source for messages about the clock, and each asking costs, whether there are
 * any or not. In: the functions' common environment as serverless.yml has it. Out: the functions that a chosen driver runs in. Pure.
 */
import { type Provisioner, registry } from '../../shared/hypervisors/registry.ts'
import { cloudsOf } from '../../shared/runtime/clouds.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'

/** Whatever is not text is a reference of CloudFormation's. */
export type Written = Readonly<Record<string, unknown>>

/** Of all clouds; a driver to fall back to counts too. @throws ConfigurationError */
export function provisionersOf(written: Written): ReadonlySet<Provisioner> {
  const environment = Object.fromEntries(
    Object.entries(written).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
  const names = cloudsOf(environment).flatMap((cloud) => {
    const { BRIDGEKEEPER_DRIVERS } = cloud.environment
    return Object.values(parseConfiguration({ BRIDGEKEEPER_DRIVERS }).BRIDGEKEEPER_DRIVERS).flat()
  })
  return new Set(names.map((name) => registry[name].provisioner))
}
