/** `role` for people, as a plan is read: + would be added, - is there and should not be. Pure. Out: text. */
import { type Role, type RolePlan, roleType } from '../../shared/cloudstack/role.ts'
import { oneLine } from './printable.ts'
import type { RoleReport } from './roleCommand.ts'

export function roleText(act: 'show' | 'create', report: RoleReport, quiet: boolean): string {
  const { name, plan, applied, role } = report
  const title = `${headline(report)}:`
  const lines = linesOf(role, plan)
  const next = quiet ? '' : nextStep(act, oneLine(name), plan, applied)
  return [title, [...lines, ...plan.otherwise.map((what) => `  ! ${oneLine(what)}`)].join('\n'), next]
    .filter(Boolean)
    .join('\n\n')
}

function headline({ name, plan, applied, cloud }: RoleReport): string {
  const role = `role ${oneLine(name)} of cloud ${oneLine(cloud)}`
  if (applied) return plan.state === 'same' ? `${role}, type ${roleType}, was made` : `${role} is not as it was made`
  const said: Readonly<Record<RolePlan['state'], string>> = {
    absent: `${role} does not exist; with type ${roleType} it would have`,
    same: `${role}, type ${roleType}, is as it should be`,
    unfinished: `${role} is not finished; it would get`,
    differs: `${role} differs from what Bridgekeeper needs`,
  }
  return said[plan.state]
}

function linesOf(role: Role | undefined, { wanted, missing, more }: RolePlan): readonly string[] {
  const there = (role?.rules ?? []).map((rule) => {
    const known = wanted.find((one) => one.rule.toLowerCase() === rule.rule.toLowerCase())
    return line(more.includes(rule) ? '-' : ' ', rule.permission, rule.rule, more.includes(rule) ? '' : known?.why)
  })
  return [...there, ...missing.map(({ permission, rule, why }) => line('+', permission, rule, why))]
}

const line = (mark: string, permission: string, rule: string, why = ''): string =>
  `  ${mark} ${oneLine(permission).padEnd(5)} ${oneLine(rule).padEnd(20)}  ${why}`.trimEnd()

function nextStep(act: 'show' | 'create', name: string, { state }: RolePlan, applied: boolean): string {
  if (state === 'same' && !applied) return ''
  if (state === 'same') {
    return `Now create an account with this role in the domain ROOT, a user of it, and keys for that user; give those to Bridgekeeper, then: bridgekeeper doctor.`
  }
  if (state === 'differs') {
    return `Nothing was changed: a role that exists is never changed from here. Correct it in CloudStack (Roles, ${name}, Rules; what is missing goes before the rule that denies *), or choose another --name.`
  }
  const how = act === 'show' ? 'role create --apply' : 'the same with --apply'
  return `Nothing was changed; to do it: ${how}. It takes the key of an administrator who may create roles, once.`
}
