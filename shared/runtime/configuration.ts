/**
 * From the environment to settings, or to one clear line a problem: the variable, its value (never a secret's), what
 * is wrong, and the fix. An unknown BRIDGEKEEPER_ name is refused with the nearest one that exists.
 */
import '../english.ts'
import type * as z from 'zod/mini'
import {
  fixes,
  known,
  type Settings,
  type SettingsWithCloudStack,
  secrets,
  settings,
  settingsWithCloudStack,
} from './settings.ts'
import { shownValue } from './shown.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Thrown when the environment cannot be used; its message is one line a problem, fit to be printed as it is. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

/** The settings of a function that never speaks to CloudStack. @throws ConfigurationError */
export const parseConfiguration = (environment: Environment): Settings => parse(environment, settings)

/** The settings with CloudStack's address and keys. @throws ConfigurationError */
export const parseConfigurationWithCloudStack = (environment: Environment): SettingsWithCloudStack =>
  parse(environment, settingsWithCloudStack)

function parse<T>(environment: Environment, schema: z.ZodMiniType<T>): T {
  const given = Object.fromEntries(known.map((name) => [name, environment[name] || undefined]))
  const parsed = schema.safeParse(given)
  const problems = [
    ...Object.keys(environment)
      .filter((name) => name.startsWith('BRIDGEKEEPER_') && !known.includes(name))
      .map((name) => `${name} is not a setting: did you mean ${nearest(name)}?`),
    ...(parsed.success ? [] : parsed.error.issues).map((issue) =>
      problem(String(issue.path[0]), given[String(issue.path[0])], issue.message),
    ),
  ]
  if (parsed.success && problems.length === 0) return parsed.data
  throw new ConfigurationError(problems.join('\n'))
}

function problem(name: string, value: string | undefined, message: string): string {
  const fix = fixes[name] ?? 'correct it or leave it out'
  if (value === undefined) return `${name} is not set: ${fix}.`
  return `${name}=${secrets.includes(name) ? '(hidden)' : shownValue(value)} ${message}: ${fix}.`
}

function nearest(name: string): string {
  const distances = known.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
  return distances.reduce((best, next) => (next.distance < best.distance ? next : best)).candidate
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, right] of [...b].entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (left === right ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
