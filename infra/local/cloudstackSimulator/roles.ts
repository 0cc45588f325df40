/**
 * Dynamic roles, as the real server has them (apache/cloudstack: DynamicRoleBasedAPIAccessChecker, Rule, RoleManagerImpl,
 * RolePermissionsDaoImpl): who may call what, and the commands that make a role. In: an account or parameters. Out: yes or
 * no, or an answer.
 *
 * | the caller's role                                    | may call                                                    |
 * |------------------------------------------------------|-------------------------------------------------------------|
 * | the root admin's own                                 | everything                                                  |
 * | one that was created, with a rule that matches       | what the first such rule says                               |
 * | one that was created, without a rule that matches    | what the command itself allows to roles of that type, which |
 * |                                                      | only the newer commands do: hence a last rule that denies   |
 * | another                                              | what everybody may                                          |
 */
import type { CommandContext } from './commands.ts'
import { type Answer, type Parameters, pageOf } from './listing.ts'
import type { CustomRole, Role, RolePermission } from './model.ts'
import { failed, invalid, Refusal, unknownId } from './refusal.ts'
import { uuidOf } from './seed.ts'
import type { CloudState } from './state.ts'

const types: readonly string[] = ['Admin', 'ResourceAdmin', 'DomainAdmin', 'User']

export const defaultRoles: readonly CustomRole[] = ['Root Admin', 'Resource Admin', 'Domain Admin', 'User'].map(
  (name, index) => ({
    id: uuidOf('role', name),
    name,
    type: types[index] ?? '',
    isDefault: true,
    rules: [],
  }),
)

/** @param annotated what the command itself allows, whatever the rules */
export function roleAllows(role: CustomRole, command: string, annotated: readonly Role[]): boolean {
  const first = role.rules.find(({ rule }) => matches(rule, command))
  if (first !== undefined) return first.permission === 'allow'
  return annotated.some((type) => type === role.type)
}

const matches = (rule: string, command: string): boolean =>
  new RegExp(`^${rule.replaceAll('*', '\\w*')}$`, 'i').test(command)

export function createRole({ state }: CommandContext, parameters: Parameters): Answer {
  const [name = '', type = ''] = [parameters.get('name'), parameters.get('type')]
  if (!types.includes(type)) throw new Refusal(431, 'Invalid role type provided')
  if ([...state.roles.values()].some((role) => role.name === name && role.type === type)) {
    throw failed(`Duplicate entry '${name}-${type}' for key 'roles.name'`)
  }
  const id = uuidOf('role', name, type)
  const description = parameters.get('description')
  const role = { id, name, type, isDefault: false, rules: [], ...(description === undefined ? {} : { description }) }
  state.roles.set(id, role)
  return { role: roleRow(role) }
}

/** A new rule is the last one. */
export function createRolePermission({ state }: CommandContext, parameters: Parameters): Answer {
  const role = roleOf(state, 'createRolePermission', parameters.get('roleid') ?? '')
  const [rule = '', permission = ''] = [parameters.get('rule'), parameters.get('permission')]
  if (!/^[a-zA-Z0-9*]+$/.test(rule)) throw invalid('createRolePermission', 'rule', rule)
  if (permission !== 'allow' && permission !== 'deny') {
    throw invalid('createRolePermission', 'permission', permission)
  }
  if (role.isDefault) throw new Refusal(531, 'Role permission cannot be added for Default roles')
  if (role.rules.some((one) => one.rule === rule)) {
    throw new Refusal(531, `Rule already exists for the role: ${role.name}`)
  }
  const description = parameters.get('description')
  const added = {
    id: uuidOf('rule', role.id, rule),
    rule,
    permission,
    ...(description === undefined ? {} : { description }),
  } as const
  state.roles.set(role.id, { ...role, rules: [...role.rules, added] })
  return { rolepermission: permissionRow(role, added) }
}

/** By name as SQL's LIKE has it: letters of either case, and `_` and `%` stand for others. */
export function listRoles({ state }: CommandContext, parameters: Parameters): Answer {
  const like = new RegExp(
    `^${(parameters.get('name') ?? '%')
      .replace(/[^\w%]/g, '\\$&')
      .replaceAll('_', '.')
      .replaceAll('%', '.*')}$`,
    'i',
  )
  const rows = [...state.roles.values()].filter((role) => like.test(role.name))
  return pageOf({ command: 'listRoles', name: 'role', rows, render: roleRow }, parameters)
}

/** Never paged: it is no list command on the real server. */
export function listRolePermissions({ state }: CommandContext, parameters: Parameters): Answer {
  const id = parameters.get('roleid')
  const roles = id === undefined ? [...state.roles.values()] : [roleOf(state, 'listRolePermissions', id)]
  const rows = roles.flatMap((role) => role.rules.map((rule) => permissionRow(role, rule)))
  return rows.length === 0 ? {} : { count: rows.length, rolepermission: rows }
}

function roleOf(state: CloudState, command: string, id: string): CustomRole {
  const role = state.roles.get(id)
  if (role === undefined) throw unknownId(command, 'roleid', id)
  return role
}

const roleRow = ({ id, name, type, description, isDefault }: CustomRole): Answer => ({
  id,
  name,
  type,
  description,
  isdefault: isDefault,
})

const permissionRow = (role: CustomRole, { id, rule, permission, description }: RolePermission): Answer => ({
  id,
  roleid: role.id,
  rolename: role.name,
  rule,
  permission,
  description,
})
