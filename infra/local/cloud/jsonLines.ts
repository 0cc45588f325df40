/** A logger that writes one JSON object a line. In: entries. Out: lines for whoever takes them. */
import type { Logger } from '../../../shared/runtime/logger.ts'

export function jsonLines(write: (line: string) => void, now: () => Date): Logger {
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      write(`${JSON.stringify({ timestamp: now().toISOString(), level, message, ...fields })}\n`)
  return { debug: () => undefined, info: at('INFO'), warn: at('WARN'), error: at('ERROR') }
}
