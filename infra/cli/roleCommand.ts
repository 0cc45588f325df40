/**
 * `bridgekeeper role show` and `role create`: the least that a key of Bridgekeeper has to be allowed. In: options, the settings
 * of one cloud with an administrator's key. Out: on stdout the role as it is and as it should be; the exit code, 0 if they are
 * the same, 2 if not. Nothing is changed but with --apply, and then nothing that is there already.
 */
import { readAbout } from '../../shared/cloudstack/about.ts'
import { neededBy } from '../../shared/cloudstack/calls.ts'
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import { planRole, type Role, type RolePlan } from '../../shared/cloudstack/role.ts'
import { makeRole, readRole } from '../../shared/cloudstack/roleCalls.ts'
import type { SettingsWithCloudStack } from '../../shared/runtime/settings.ts'
import type { Output } from './output.ts'
import { printableJson } from './printable.ts'
import { roleJson, type roleSchema } from './roleJson.ts'
import { roleText } from './roleText.ts'
import { UsageError } from './selectors.ts'

export interface RoleOptions {
  readonly name: string
  readonly apply?: boolean
  readonly dryRun?: boolean
  readonly output: 'table' | 'json'
  readonly quiet?: boolean
}

/** A role, and what was found and done about it. */
export interface RoleReport {
  readonly cloud: string
  readonly name: string
  readonly role: Role | undefined
  readonly plan: RolePlan
  readonly applied: boolean
}

/** @throws UsageError, and CloudStackError, after which a role may be unfinished: `role create --apply` goes on with it */
export async function roleCommand(
  act: 'show' | 'create',
  options: RoleOptions,
  settings: SettingsWithCloudStack,
  cloudstack: Pick<CloudStack, 'call'>,
  output: Output,
): Promise<number> {
  checkOptions(options)
  await demandDynamicRoles(cloudstack)
  const { name } = options
  const before = await readRole(cloudstack, name)
  const reconnects = settings.BRIDGEKEEPER_CLOUDSTACK_RECONNECT === 'allowed'
  const needed = neededBy(Object.values(settings.BRIDGEKEEPER_DRIVERS).flat(), reconnects)
  const planned = planRole(before, needed)
  const applied = options.apply === true && (planned.state === 'absent' || planned.state === 'unfinished')
  if (applied) await makeRole(cloudstack, name, before?.id, planned)
  const role = applied ? await readRole(cloudstack, name) : before
  const report = { cloud: settings.BRIDGEKEEPER_CLOUD, name, role, plan: planRole(role, needed), applied }
  const json: ReturnType<typeof roleSchema.parse> = roleJson(report)
  output.print(options.output === 'json' ? printableJson(json) : roleText(act, report, options.quiet === true))
  return report.plan.state === 'same' ? 0 : 2
}

/** The server takes a name for a pattern, and shows it to people. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/

function checkOptions({ name, apply, dryRun }: RoleOptions): void {
  if (apply === true && dryRun === true) throw new UsageError('--apply and --dry-run exclude each other: give one.')
  if (namePattern.test(name)) return
  throw new UsageError(
    `--name ${JSON.stringify(name.slice(0, 100))} is no name for a role: letters, digits, spaces, dots, dashes and underscores, 100 at most.`,
  )
}

async function demandDynamicRoles(cloudstack: Pick<CloudStack, 'call'>): Promise<void> {
  const { dynamicRoles } = await readAbout(cloudstack)
  if (dynamicRoles) return
  throw new UsageError(
    'this CloudStack has fixed roles (its setting dynamic.apichecker.enabled is false), and none can be made: give Bridgekeeper the keys of a root admin, or switch dynamic roles on.',
  )
}
