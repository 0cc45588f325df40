import type { Create } from '../../../../../../shared/runtime/lambda.ts'
import { passed } from '../../gates.ts'

/** Tells what it was called with, and ends when the test opens the gate that its environment names. */
export const create: Create = (environment, overrides) => async (event, context) => {
  overrides?.logger?.info('tick', { event, environment, remaining: context.getRemainingTimeInMillis() })
  if (environment.GATE !== undefined) await passed(environment.GATE)
}
