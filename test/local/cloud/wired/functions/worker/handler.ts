import * as z from 'zod'
import type { Create } from '../../../../../../shared/runtime/lambda.ts'
import { passed } from '../../gates.ts'

const eventSchema = z.looseObject({
  Records: z.array(
    z.looseObject({ body: z.string(), attributes: z.looseObject({ ApproximateReceiveCount: z.string() }) }),
  ),
})
const task = z.object({ name: z.string(), gate: z.string().optional(), failures: z.number().default(0) })

/** Does what its messages say: waits at a gate, fails its first deliveries; tells of begin and end. */
export const create: Create = (_environment, overrides) => async (event, context) => {
  for (const { body, attributes } of eventSchema.parse(event).Records) {
    const { name, gate, failures } = task.parse(JSON.parse(body))
    overrides?.logger?.info('begin', { name, event, remaining: context.getRemainingTimeInMillis() })
    if (Number(attributes.ApproximateReceiveCount) <= failures) throw new Error(`${name} fails as it was told to`)
    if (gate !== undefined) await passed(gate)
    overrides?.logger?.info('end', { name })
  }
}
