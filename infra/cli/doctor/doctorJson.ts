/** `doctor -o json`: a stable shape. */
import * as z from 'zod'
import { levels, worst } from './check.ts'
import type { OfCloud } from './doctorText.ts'

export const doctorSchema = z.strictObject({
  /** Grows when a field changes its meaning; new fields may come at any time. */
  version: z.literal(1),
  /** The worst of them. */
  level: z.enum(levels),
  checks: z.array(
    z.strictObject({
      cloud: z.string(),
      check: z.string(),
      level: z.enum(levels),
      found: z.string(),
      wanted: z.string(),
      fix: z.string(),
    }),
  ),
})

export const doctorJson = (clouds: readonly OfCloud[]): z.infer<typeof doctorSchema> => ({
  version: 1,
  level: worst(clouds.flatMap(({ findings }) => findings)),
  checks: clouds.flatMap(({ cloud, findings }) => findings.map((finding) => ({ cloud, ...finding }))),
})
