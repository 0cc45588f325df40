/** docs/versions.md, generated from what capabilities.ts decides by. Pure. Out: the page. */
import {
  capabilitiesOf,
  type FeatureName,
  featureNames,
  features,
  newest,
  oldest,
} from '../../shared/cloudstack/capabilities.ts'
import { generated } from './generated.ts'

/** Of each version that was ever released between the two. */
const minors = (): readonly string[] => {
  const [first, last] = [oldest, newest].map((version) => Number(version.split('.')[1]))
  return Array.from({ length: (last ?? 0) - (first ?? 0) + 1 }, (_, index) => `4.${(first ?? 0) + index}`)
}

const beginning = `# CloudStack versions

${generated('shared/cloudstack/capabilities.ts')}

Bridgekeeper works with CloudStack ${oldest} to ${newest}. It asks a server for its version (\`listCapabilities\`) and for what the key may
call (\`listApis\`); \`npx bridgekeeper doctor\` shows both, and what that server lacks. A newer server, and one whose version cannot be read, is
served like ${newest}: nothing is concluded from a version that says nothing.

## What a version lacks, and what Bridgekeeper does there
`

const everywhere = `## The same in all of them

| What | How it is handled | Known from |
|---|---|---|
| \`listHosts\` | always asked with \`type=Routing\` and \`details=min\`: shorter answers, the same facts, and no faster (4.18, measured) | facts F1; cloudstack-api |
| \`listEvents\` | \`startdate\` is a day, or a day and a time, in the server's own time zone: only a day is sent, one earlier than needed, and the answer is cut by \`created\` | facts F3; ListEventsCmd.java |
| page size | 500 at most, or what a lowered \`default.page.size\` allows: a larger one is refused with the number, which is used from then on | facts F1; cloudstack-api, Paging |
| networks of projects | \`projectid=-1\` replaces instead of adding: asked for apart | facts F1 |
| persistent networks | there is no filter for them: asked for by each persistent offering | facts F1 |
| broadcast URIs | shown to accounts of type Admin alone: [rights](rights.md) | facts F1, I15; cloudstack-api |
| custom roles | from 4.9 on, unless \`dynamic.apichecker.enabled\` is off: then \`role create\` says so | RoleService.java |
| client certificates for agents | \`issueCertificate\`, from 4.11 on | IssueCertificateCmd.java |
| an unknown field | let through and dropped | – |
| an unknown status of a host | not Up: the host is waited for | facts G |
| an unknown resource state | not Enabled: drivers that reach the host serve it, the driver \`cloudstack\` waits | facts G, A7-3 |
| an unknown hypervisor | \`NoDriver\` | – |
| an unknown state or guest type of a network | the network does not count | facts A1 |
| an unknown scheme of a broadcast URI | \`Unsupported\` on that network | facts A4 |
| an unknown type of event or traffic | of no account | facts F3 |

\`test/rights/unknown.test.ts\` gives each of these a value that nobody knows; \`test/rights/versions.test.ts\` runs ticks against each version of
the simulator, which differs between versions only in what it sends to hosts.
`

export function versionsPage(): string {
  const rows = featureNames.map((name) => {
    const { what, since, command, without, source } = features[name]
    const from = command === undefined ? since : `${since} (\`${command}\`)`
    return `| ${what} | ${from} | ${without} | ${source} |`
  })
  const header = '| What a newer server does | From | What is done without it | Known from |\n|---|---|---|---|'
  return [beginning, `${header}\n${rows.join('\n')}\n`, matrix(), everywhere].join('\n')
}

function matrix(): string {
  const lines = minors().map((version) => {
    const { has } = capabilitiesOf(`${version}.0.0`)
    return `| ${version} | ${featureNames.map((name) => (has(name) === 'yes' ? 'yes' : '–')).join(' | ')} |`
  })
  const titles = featureNames.map((name) => shortNames[name]).join(' | ')
  return `| Version | ${titles} |\n|---|${'---|'.repeat(featureNames.length)}\n${lines.join('\n')}\n`
}

const shortNames: Readonly<Record<FeatureName, string>> = {
  errorInPrepareForMaintenance: 'ErrorInPrepareForMaintenance',
  persistentL2: 'persistent L2',
  pushesNewNetworks: 'pushes new networks',
  degraded: 'Degraded',
  setsUpHosts: 'sets hosts up',
  webhooks: 'webhooks',
}
