/** docs/rights.md, generated from the list of calls and the rules that are made of it. Pure. Out: the page. */
import { type Command, calls, commands, type Needed, neededBy } from '../../shared/cloudstack/calls.ts'
import { defaultRoleName, roleType, rulesFor } from '../../shared/cloudstack/role.ts'
import { generated } from './generated.ts'

const beginning = `# Rights in CloudStack

${generated('shared/cloudstack/calls.ts and role.ts')}

Bridgekeeper makes the calls below and no others: its client takes no other name. The key of a deployment needs those of the first table;
those of the second and third too where the driver \`cloudstack\` or \`kvm-agent\` is used. \`npx bridgekeeper doctor\` tells of each whether a key may make it.
`

const role = `## A role for it

\`\`\`
npx bridgekeeper role create            # shows the role that would be made; changes nothing, exits 2
npx bridgekeeper role create --apply    # makes it
npx bridgekeeper role show              # the role as it is, and how it differs from what is needed
\`\`\`

They need the settings \`CLOUDSTACK_API_URL\`, \`CLOUDSTACK_API_KEY\` and \`CLOUDSTACK_SECRET_KEY\`, with the key of an administrator who may
create roles, just for this; and \`BRIDGEKEEPER_DRIVERS\` as the deployment has it, since a role for \`kvm-ssh\` alone does not allow \`updateHost\`.
\`--name\` gives the role another name than ${defaultRoleName}. What they do:

- Without \`--apply\` nothing is changed, as \`--dry-run\` says too.
- A role of that name that is as it should be is left as it is: exit code 0.
- A role whose creation was broken off (some of the rules, no other, not yet the denial) is finished by \`--apply\`.
- **Any other role of that name is shown with its differences and never changed**, neither widened nor narrowed: exit code 2.

Then, in CloudStack: create an account with this role **in the domain ROOT**, a user of it, and that user's keys. Give these to Bridgekeeper, and
run \`npx bridgekeeper doctor\` with them.
`

const sight = `## What it cannot be without

**The role has to be of type ${roleType}.** CloudStack shows the broadcast URI of a network, which is its VLAN or VNI, to root admins alone: to accounts
whose role is of type ${roleType} ([facts](cloudstack-facts.md) F1, I15; [observed](cloudstack-api.md): a custom role of type ${roleType} sees them, User and Domain Admin do
not). Such an account may exist only in the domain ROOT (AccountManagerImpl.java). There is no narrower way to see them, so this is said as
it is: the *type* is that of the highest administrators, and what keeps the account small are its rules.

**The last rule has to deny \`*\`.** Rules are judged in order and the first that matches decides; where none matches, a command may be allowed by
itself to every role of a type, as creating roles is to type ${roleType} (DynamicRoleBasedAPIAccessChecker.java). A role of type ${roleType} without that
denial may give itself all the rest.

**A key that loses a right is noticed** at the next tick that needs it. What was read before stays in force: hosts that come back are served by the last
good networks, nothing is removed, and \`status\` says which call was refused, or that the URIs are no longer shown. A server may keep rules for
a while (its setting \`dynamic.apichecker.cache.period\`, 0 seconds unless set).
`

export function rightsPage(): string {
  const of = (needed: Needed): string => table(commands.filter((command) => calls[command].needed === needed))
  return [
    beginning,
    `## Every deployment\n\n${of('always')}`,
    `## With the driver cloudstack\n\n${of('cloudstackDriver')}`,
    `## Where that driver may reconnect hosts (\`BRIDGEKEEPER_CLOUDSTACK_RECONNECT=allowed\`)\n\n${of('reconnect')}`,
    `## With the driver kvm-agent\n\n${of('agentDriver')}`,
    `## With either of the two before, which wait for a job\n\n${of('job')}`,
    `## Only an administrator, once\n\nThese are in no role of ours: whoever may create roles may do anything, and whoever may list webhooks reads their secrets.\n\n${of('administrator')}`,
    role,
    `The rules, in order, for a deployment that uses the driver \`cloudstack\`:\n\n${rules()}`,
    sight,
  ].join('\n')
}

const table = (rows: readonly Command[]): string =>
  [
    '| Call | Changes something | Why |',
    '|---|---|---|',
    ...rows.map((command) => `| \`${command}\` | ${calls[command].changes ? 'yes' : 'no'} | ${calls[command].why} |`),
    '',
  ].join('\n')

const rules = (): string =>
  [
    '```',
    ...rulesFor(neededBy(['cloudstack'])).map(({ rule, permission }) => `${permission.padEnd(5)} ${rule}`),
    '```',
    '',
  ].join('\n')
