/** `role -o json`: a stable shape. */
import * as z from 'zod'
import { roleType } from '../../shared/cloudstack/role.ts'
import type { RoleReport } from './roleCommand.ts'

const rule = z.strictObject({ rule: z.string(), permission: z.string() })
const wantedRule = rule.extend({ why: z.string() })

export const roleSchema = z.strictObject({
  /** Grows when a field changes its meaning; new fields may come at any time. */
  version: z.literal(1),
  cloud: z.string(),
  name: z.string(),
  /** Null: there is none of that name. */
  id: z.string().nullable(),
  type: z.string().nullable(),
  wantedType: z.string(),
  state: z.enum(['absent', 'same', 'unfinished', 'differs']),
  /** True: this command made it, or the rest of it. */
  applied: z.boolean(),
  /** In the order in which they are judged. */
  rules: z.array(rule),
  wanted: z.array(wantedRule),
  missing: z.array(wantedRule),
  more: z.array(rule),
  otherwise: z.array(z.string()),
})

export const roleJson = ({ cloud, name, role, plan, applied }: RoleReport): z.infer<typeof roleSchema> => ({
  version: 1,
  cloud,
  name,
  id: role?.id ?? null,
  type: role?.type ?? null,
  wantedType: roleType,
  state: plan.state,
  applied,
  rules: (role?.rules ?? []).map(({ rule, permission }) => ({ rule, permission })),
  wanted: [...plan.wanted],
  missing: [...plan.missing],
  more: plan.more.map(({ rule, permission }) => ({ rule, permission })),
  otherwise: [...plan.otherwise],
})
