/**
 * Several clouds in one deployment. In: the environment. Out: the clouds that BRIDGEKEEPER_CLOUD names, each with an
 * environment of its own, as if it were alone: what is set for it (`NAME__EU`, for the cloud eu) wins over what is set for all
 * (`NAME`). Pure.
 *
 * | set                             | one cloud         | several clouds                                     |
 * |---------------------------------|-------------------|----------------------------------------------------|
 * | where it is, and its keys       | `CLOUDSTACK_…`    | `CLOUDSTACK_…__EU` only: keys never go to another one |
 * | the name of their secrets       | `BRIDGEKEEPER_…`  | either: the cloud's own name is the secret's last part |
 * | table, queues, folder           | `BRIDGEKEEPER_…`  | `BRIDGEKEEPER_…` only: they are of the deployment  |
 * | anything else                   | `BRIDGEKEEPER_…`  | either; rate and breaker are kept apart anyway     |
 */
import { ConfigurationError, type Environment } from './configuration.ts'
import { isOfDeployment, isOfOneCloud, known } from './settings.ts'
import { shownValue } from './shown.ts'

export interface Cloud {
  readonly name: string
  /** With the cloud's settings by their plain names, and nothing of another cloud's. */
  readonly environment: Environment
}

const mostClouds = 32

/** @returns at least one. @throws ConfigurationError */
export function cloudsOf(environment: Environment): readonly [Cloud, ...Cloud[]] {
  const names = cloudNames(environment.BRIDGEKEEPER_CLOUD || 'default')
  const problems = [...nameProblems(names), ...Object.keys(environment).flatMap((name) => problem(name, names))]
  if (names.length > 1) problems.push(...Object.keys(environment).flatMap((name) => nobodys(name, environment, names)))
  const clouds = names.map((name) => ({ name, environment: environmentOf(name, environment) }))
  problems.push(...twice(clouds))
  const [first, ...others] = clouds
  if (first === undefined || problems.length > 0) throw new ConfigurationError(problems.join('\n'))
  return [first, ...others]
}

/** @throws ConfigurationError for a name that the environment does not have, or where it has several and none is given. */
export function cloudOf(environment: Environment, name: string | undefined): Cloud {
  const clouds = cloudsOf(environment)
  const found = name === undefined ? clouds[0] : clouds.find((cloud) => cloud.name === name)
  const all = clouds.map((cloud) => cloud.name).join(', ')
  if (name === undefined && clouds.length > 1)
    throw new ConfigurationError(`BRIDGEKEEPER_CLOUD has several clouds: name one of ${all}.`)
  if (found !== undefined) return found
  throw new ConfigurationError(`the cloud ${JSON.stringify(name?.slice(0, 64))} is none of BRIDGEKEEPER_CLOUD: ${all}.`)
}

/** Where its state and its table and queues are, whatever else is set: what concerns a cloud is for that cloud to complain of. */
export const environmentOfDeployment = (environment: Environment): Environment =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => isOfDeployment(name) && name !== 'BRIDGEKEEPER_CLOUD'),
  )

const cloudNames = (text: string): readonly string[] => text.split(',').map((name) => name.trim())

/** `eu-1` → `EU_1`, since a variable's name may hold no other characters. */
const suffixOf = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')

/** Only what concerns several names: what one may look like is the setting's own schema to say. */
function nameProblems(names: readonly string[]): readonly string[] {
  if (names.length > mostClouds) return [`BRIDGEKEEPER_CLOUD names ${names.length} clouds: ${mostClouds} at most.`]
  return names.flatMap((name, at) => {
    const alike = names.slice(0, at).find((other) => suffixOf(other) === suffixOf(name))
    if (alike === undefined) return []
    return [
      `BRIDGEKEEPER_CLOUD names ${shownValue(alike)} and ${shownValue(name)}, whose settings could not be told apart: call one of them otherwise.`,
    ]
  })
}

/** The name of a setting for one cloud: the setting, and the cloud as names of variables have it. */
function parts(name: string): { readonly base: string; readonly suffix: string } | undefined {
  const [, base, suffix] = /^((?:BRIDGEKEEPER|CLOUDSTACK)_.+?)__(.+)$/.exec(name) ?? []
  return base === undefined || suffix === undefined ? undefined : { base, suffix }
}

function problem(name: string, names: readonly string[]): readonly string[] {
  const split = parts(name)
  if (split === undefined) return []
  const { base, suffix } = split
  if (!known.includes(base)) return [`${name}: ${base} is not a setting.`]
  if (isOfDeployment(base)) return [`${name}: ${base} is the deployment’s, not a cloud’s: set it without __${suffix}.`]
  if (names.some((cloud) => suffixOf(cloud) === suffix)) return []
  const suffixes = names.map((cloud) => `__${suffixOf(cloud)}`).join(', ')
  return [`${name} is for a cloud that BRIDGEKEEPER_CLOUD does not name: its clouds are written ${suffixes}.`]
}

/** With several clouds, an address or a key that is not said to be of one of them. */
function nobodys(name: string, environment: Environment, names: readonly string[]): readonly string[] {
  if (!isOfOneCloud(name) || !environment[name]) return []
  const written = names.map((cloud) => `${name}__${suffixOf(cloud)}`).join(', ')
  return [`${name} is set for no cloud in particular, and there are several: set ${written} instead.`]
}

/** One CloudStack under two names would be asked twice as often as it may be, and its hosts be worked on by both. */
function twice(clouds: readonly Cloud[]): readonly string[] {
  return clouds.flatMap(({ name, environment }, at) => {
    const url = environment.CLOUDSTACK_API_URL
    const same = clouds.slice(0, at).find((other) => url && other.environment.CLOUDSTACK_API_URL === url)
    return same === undefined
      ? []
      : [`CLOUDSTACK_API_URL is the same for ${same.name} and ${name}: name that cloud once.`]
  })
}

function environmentOf(cloud: string, environment: Environment): Environment {
  const entries = Object.entries(environment)
  const own = entries.flatMap(([name, value]) => {
    const split = parts(name)
    return split?.suffix === suffixOf(cloud) && value ? [[split.base, value] as const] : []
  })
  const common = entries.filter(([name]) => parts(name) === undefined)
  return { ...Object.fromEntries([...common, ...own]), BRIDGEKEEPER_CLOUD: cloud }
}
