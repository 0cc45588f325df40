import { describe, expect, it } from 'vitest'
import { commands, neededBy } from '../../shared/cloudstack/calls.ts'
import { planRole, type Rule, rulesFor } from '../../shared/cloudstack/role.ts'

const needed = neededBy(['kvm-ssh'])
const asMade: readonly Rule[] = rulesFor(needed)
const deny = { rule: '*', permission: 'deny' }
const allow = (rule: string): Rule => ({ rule, permission: 'allow' })
const role = (rules: readonly Rule[], type = 'Admin') => ({ id: 'role-1', type, rules })

describe('what a key needs', () => {
  it('is to read, and with the driver cloudstack to update hosts', () => {
    expect(neededBy(['kvm-ssh', 'cloudstack'])).toEqual([...needed, 'updateHost'])
    expect(needed.filter((command) => !command.startsWith('list'))).toEqual([])
  })

  it('is to reconnect hosts only where the driver cloudstack may', () => {
    expect(neededBy(['cloudstack'], true)).toEqual([...needed, 'updateHost', 'reconnectHost', 'queryAsyncJobResult'])
    expect(neededBy(['kvm-ssh'], true)).toEqual(needed)
  })

  it('is never to make roles or webhooks', () => {
    const others = commands.filter((command) => !neededBy(['cloudstack', 'kvm-agent'], true).includes(command))
    expect(others).toEqual([
      ...['listRoles', 'listRolePermissions', 'createRole', 'createRolePermission'],
      ...['listWebhooks', 'createWebhook', 'updateWebhook', 'deleteWebhook', 'listWebhookDeliveries'],
    ])
  })

  it('is every rule by its name, and the denial last', () => {
    expect(asMade.map(({ rule }) => rule)).toEqual([...needed, '*'])
    expect(asMade.at(-1)).toMatchObject(deny)
  })
})

describe('a role of that name', () => {
  it.each<readonly [string, ReturnType<typeof role> | undefined, string, readonly string[], readonly string[]]>([
    ['is none', undefined, 'absent', [...needed, '*'], []],
    ['is as it was made', role(asMade), 'same', [], []],
    [
      'has the names in another order and case',
      role([
        ...asMade
          .slice(0, -1)
          .reverse()
          .map((one) => ({ ...one, rule: one.rule.toUpperCase() })),
        deny,
      ]),
      'same',
      [],
      [],
    ],
    ['has no rules yet', role([]), 'unfinished', [...needed, '*'], []],
    ['has the first two', role(asMade.slice(0, 2)), 'unfinished', [...needed.slice(2), '*'], []],
    ['lacks only the denial', role(asMade.slice(0, -1)), 'unfinished', ['*'], []],
    ['lacks one, and has the denial', role(asMade.slice(1)), 'differs', needed.slice(0, 1), []],
    ['allows more', role([allow('deployVirtualMachine'), ...asMade]), 'differs', [], ['deployVirtualMachine']],
    ['allows by a wildcard', role([allow('list*'), ...asMade]), 'differs', [], ['list*']],
    [
      'denies one that is needed',
      role([{ rule: 'listHosts', permission: 'deny' }, ...asMade]),
      'differs',
      [],
      ['listHosts'],
    ],
    ['allows everything', role([allow('*')]), 'differs', [...needed, '*'], ['*']],
    ['is of another type', role(asMade, 'DomainAdmin'), 'differs', [], []],
    ['denies before the last rule', role([deny, ...asMade.slice(0, -1)]), 'differs', [], []],
  ])('that %s', (_what, found, state, missing, more) => {
    const plan = planRole(found, needed)
    expect(plan).toMatchObject({ state })
    expect(plan.missing.map(({ rule }) => rule)).toEqual(missing)
    expect(plan.more.map(({ rule }) => rule)).toEqual(more)
  })
})
