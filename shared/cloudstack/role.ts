/**
 * The role that allows what Bridgekeeper calls, and nothing more. In: the commands that a deployment needs, and the role of
 * that name, if there is one. Out: what would have to be added, and what differs. Pure; roleCalls.ts asks and does.
 *
 * | a role of that name                              | state        | what may be done                                |
 * |--------------------------------------------------|--------------|-------------------------------------------------|
 * | is none                                          | `absent`     | create it, then its rules in order              |
 * | has just these rules, the denial last            | `same`       | nothing                                         |
 * | has some of them, not yet the denial, no other   | `unfinished` | add the rest: a creation was broken off         |
 * | is of another type, or has other rules or order  | `differs`    | nothing: it is shown, and for an operator to do |
 */
import { type Command, calls } from './calls.ts'

/** CloudStack shows broadcast URIs to accounts of no other type (facts F1, I15). */
export const roleType = 'Admin'
export const defaultRoleName = 'Bridgekeeper'

export interface Rule {
  /** The name of a command, in which `*` stands for anything. */
  readonly rule: string
  readonly permission: string
}

export interface WantedRule extends Rule {
  readonly permission: 'allow' | 'deny'
  readonly why: string
}

export interface Role {
  readonly id: string
  readonly type: string
  /** The first one that matches decides. */
  readonly rules: readonly Rule[]
}

/**
 * The denial is needed: where no rule matches, a newer command is allowed to every role of type Admin by itself, creating
 * roles among them (apache/cloudstack: DynamicRoleBasedAPIAccessChecker.java).
 */
const denial: WantedRule = { rule: '*', permission: 'deny', why: 'everything else; it has to be the last rule' }

export const rulesFor = (needed: readonly Command[]): readonly WantedRule[] => [
  ...needed.map((command) => ({ rule: command, permission: 'allow', why: calls[command].why }) as const),
  denial,
]

export interface RolePlan {
  readonly state: 'absent' | 'same' | 'unfinished' | 'differs'
  readonly wanted: readonly WantedRule[]
  /** Wanted, and not there. */
  readonly missing: readonly WantedRule[]
  /** There, and not wanted. */
  readonly more: readonly Rule[]
  /** What else is otherwise than wanted, in words. */
  readonly otherwise: readonly string[]
}

export function planRole(role: Role | undefined, needed: readonly Command[]): RolePlan {
  const wanted = rulesFor(needed)
  if (role === undefined) return { state: 'absent', wanted, missing: wanted, more: [], otherwise: [] }
  const missing = wanted.filter((rule) => !role.rules.some((other) => isSame(rule, other)))
  const more = role.rules.filter((rule) => !wanted.some((other) => isSame(rule, other)))
  const denied = role.rules.findIndex((rule) => isSame(rule, denial))
  const otherwise = [
    ...(role.type === roleType ? [] : [`it is of type ${role.type}, not ${roleType}`]),
    ...(denied < 0 || denied === role.rules.length - 1 ? [] : ['a rule comes after the one that denies *']),
  ]
  const plan = { wanted, missing, more, otherwise }
  if (more.length > 0 || otherwise.length > 0) return { state: 'differs', ...plan }
  if (missing.length === 0) return { state: 'same', ...plan }
  return { state: missing.includes(denial) ? 'unfinished' : 'differs', ...plan }
}

/** The server matches names whatever their case. */
const isSame = (one: Rule, other: Rule): boolean =>
  one.rule.toLowerCase() === other.rule.toLowerCase() && one.permission === other.permission
