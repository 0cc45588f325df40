/**
 * Plants a bug: from now on, the files that it names are loaded with its changes. In: a mutation, before anything of the
 * product is imported. Out: nothing; or an error, when its text does not stand in its file exactly once.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Mutation } from './mutations.ts'

const root = new URL('../../../', import.meta.url)

/** Thrown when the product's source changed under a mutation: it plants nothing any more. */
export class NotPlanted extends Error {
  override readonly name = 'NotPlanted'
}

/** The changed source of each file. @throws NotPlanted */
export function planted({ name, changes }: Mutation): ReadonlyMap<string, string> {
  const sources = new Map<string, string>()
  for (const { file, find, replace } of changes) {
    const source = sources.get(file) ?? readFileSync(fileURLToPath(new URL(file, root)), 'utf8')
    const times = source.split(find).length - 1
    if (times !== 1) throw new NotPlanted(`${name}: ${file} has ${times} times, and not once: ${find.trim()}`)
    sources.set(
      file,
      source.replace(find, () => replace),
    )
  }
  return sources
}

/** @throws NotPlanted */
export function plant(mutation: Mutation): void {
  const sources = new Map([...planted(mutation)].map(([file, source]) => [new URL(file, root).href, source]))
  registerHooks({
    load: (url, context, next) => {
      const source = sources.get(url)
      return source === undefined ? next(url, context) : { format: 'module-typescript', shortCircuit: true, source }
    },
  })
}
