/**
 * A role as the server has it, and how it is made. In: a client with an administrator's key, a name, a plan of role.ts. Out:
 * the role. Rules are added in their order, since a new one is always the last (RolePermissionsDaoImpl.java).
 */
import * as z from 'zod/mini'
import type { CloudStack } from './client.ts'
import { type Role, type RolePlan, roleType } from './role.ts'

const word = z.string().check(z.maxLength(4096))
const roles = z.object({ role: z.optional(z.array(z.object({ id: word, name: word, type: z.optional(word) }))) })
const permissions = z.object({
  rolepermission: z.optional(z.array(z.object({ rule: word, permission: word }))),
})
const created = z.object({ role: z.object({ id: word }) })

type Caller = Pick<CloudStack, 'call'>

/** Of several that differ in type, the one of type Admin. @throws CloudStackError */
export async function readRole(cloudstack: Caller, name: string): Promise<Role | undefined> {
  const { role: listed = [] } = await cloudstack.call('listRoles', { name }, roles)
  const found = listed.filter((role) => role.name === name) // The server takes the name for a pattern.
  const role = found.find(({ type }) => type === roleType) ?? found[0]
  if (role === undefined) return undefined
  const { rolepermission: rules = [] } = await cloudstack.call('listRolePermissions', { roleid: role.id }, permissions)
  return { id: role.id, type: role.type ?? 'none', rules }
}

/** Only for the states absent and unfinished. @returns the id of the role. @throws CloudStackError; then it may be unfinished */
export async function makeRole(
  cloudstack: Caller,
  name: string,
  id: string | undefined,
  plan: RolePlan,
): Promise<string> {
  const roleid = id ?? (await createRole(cloudstack, name))
  for (const { rule, permission, why } of plan.missing) {
    await cloudstack.call('createRolePermission', { roleid, rule, permission, description: why }, z.unknown())
  }
  return roleid
}

async function createRole(cloudstack: Caller, name: string): Promise<string> {
  const description = 'What Bridgekeeper calls, and nothing more'
  return (await cloudstack.call('createRole', { name, type: roleType, description }, created)).role.id
}
