/** A file of secrets that a setting names. In: the setting, the file. Out: its content, or a ConfigurationError, also where others may read it. */
import { statSync } from 'node:fs'
import { ConfigurationError } from './configuration.ts'
import { readSetting } from './runtime.ts'
import { shownValue } from './shown.ts'

/**
 * @param purpose what the file is for, and where it is described, in words after "name the file"
 * @param parse throws an Error that shows nothing of the content
 * @throws ConfigurationError
 */
export function readPrivateFile<T>(
  name: string,
  file: string | undefined,
  purpose: { readonly of: string; readonly page: string },
  parse: (content: string) => T,
): T {
  if (file === undefined)
    throw new ConfigurationError(`${name} is not set: name the file of ${purpose.of} (${purpose.page}).`)
  const content = readSetting(name, file)
  if ((statSync(file).mode & 0o077) !== 0)
    throw new ConfigurationError(`${name}=${shownValue(file)} may be read by others: chmod 600 it.`)
  try {
    return parse(content)
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
    throw new ConfigurationError(`${name}=${shownValue(file)}: ${why}: write it as ${purpose.page} shows.`)
  }
}
