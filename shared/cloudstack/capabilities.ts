/**
 * What a management server can do for us, from 4.11 to 4.22. In: the version that listCapabilities tells, and the commands
 * that listApis tells. Out: which features it has, and what we do where one is lacking. Pure; the table is docs/versions.md.
 */

/** The versions that this release was made for; others are served all the same, and doctor says so. */
export const oldest = '4.11'
export const newest = '4.22'

interface Feature {
  /** What a server that has it does. */
  readonly what: string
  /** The first version that has it. */
  readonly since: string
  /** The command that comes with it: a server whose listApis names it has the feature, whatever its version says. */
  readonly command?: string
  /** What Bridgekeeper does where it is lacking. */
  readonly without: string
  /** Where this is known from: a section of docs/cloudstack-facts.md, or a file or pull request of apache/cloudstack. */
  readonly source: string
}

const entries = {
  errorInPrepareForMaintenance: {
    what: 'the resource state ErrorInPrepareForMaintenance',
    since: '4.14',
    without:
      'nothing: a state is compared with the few that a decision rests on, and any other is just not one of them',
    source: 'facts G; #3425',
  },
  persistentL2: {
    what: 'network offerings of guest type L2 can be persistent',
    since: '4.16',
    without: 'nothing: the persistent networks are Isolated ones then, and those count in the same way',
    source: 'facts A2, History; #4561',
  },
  pushesNewNetworks: {
    what: 'a new persistent L2 network on a VLAN is pushed to the hosts',
    since: '4.16',
    without: 'nothing: a new network is found by its event, and made on every host, as it is where CloudStack pushes',
    source: 'facts A2, A7-7; #4561',
  },
  degraded: {
    what: 'the resource state Degraded',
    since: '4.16',
    without: 'nothing: as for ErrorInPrepareForMaintenance',
    source: 'facts G; DeclareHostAsDegradedCmd.java',
  },
  setsUpHosts: {
    what: 'a host that connects, and updateHost, are sent every persistent network',
    since: '4.17',
    without:
      'the driver cloudstack asks for nothing and fails with CloudStackTooOld, since a request would do nothing; drivers that reach the host work as everywhere',
    source: 'facts A2, H; #5977',
  },
  webhooks: {
    what: 'webhooks tell of events as they happen',
    since: '4.20',
    command: 'createWebhook',
    without: 'changes are found by the schedule alone, at the next tick',
    source: 'facts F3; CreateWebhookCmd.java',
  },
} as const satisfies Readonly<Record<string, Feature>>

export type FeatureName = keyof typeof entries

export const features: Readonly<Record<FeatureName, Feature>> = entries

export const featureNames = Object.keys(entries) as readonly FeatureName[]

/** `unknown`: neither the version nor the commands tell, as when a command may be there and only this key may not call it. */
export type Has = 'yes' | 'no' | 'unknown'

export interface Capabilities {
  /** As the server says it, for example 4.18.0.0; undefined where it was not told. */
  readonly version: string | undefined
  readonly age: 'older' | 'supported' | 'newer' | 'unknown'
  readonly has: (feature: FeatureName) => Has
}

/** @param commands what listApis names, where it was asked: it names only what the key may call */
export const capabilitiesOf = (version: string | undefined, commands?: ReadonlySet<string>): Capabilities => ({
  version,
  age: ageOf(version),
  has: (feature) => hasOf(features[feature], version, commands),
})

/** The features that a server surely lacks. */
export const lacking = ({ has }: Capabilities): readonly FeatureName[] =>
  featureNames.filter((name) => has(name) === 'no')

function hasOf({ since, command }: Feature, version: string | undefined, commands?: ReadonlySet<string>): Has {
  if (command !== undefined && commands?.has(command)) return 'yes'
  const difference = compareVersions(version, since)
  if (difference === undefined) return 'unknown'
  if (difference < 0) return 'no'
  return command === undefined || commands === undefined ? 'yes' : 'unknown'
}

function ageOf(version: string | undefined): Capabilities['age'] {
  const [fromOldest, fromNewest] = [compareVersions(version, oldest), compareVersions(version, newest)]
  if (fromOldest === undefined || fromNewest === undefined) return 'unknown'
  if (fromOldest < 0) return 'older'
  return fromNewest > 0 ? 'newer' : 'supported'
}

/** By the first two numbers: features come with 4.17 or 4.20, never between their patches. undefined: it cannot be read. */
function compareVersions(version: string | undefined, other: string): number | undefined {
  const [mine, its] = [numbersOf(version ?? ''), numbersOf(other)]
  if (mine === undefined || its === undefined) return undefined
  return mine.major - its.major || mine.minor - its.minor
}

/** `4.18.0.0-SNAPSHOT` is 4.18. */
function numbersOf(version: string): { readonly major: number; readonly minor: number } | undefined {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})(?!\d)/.exec(version.trim()) ?? []
  return major === undefined || minor === undefined ? undefined : { major: Number(major), minor: Number(minor) }
}
