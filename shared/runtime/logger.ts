/**
 * The logger that everything takes as a parameter. On Lambda it is Powertools' (runtime/lambda.ts); in tests and the
 * local runner whatever the caller passes. Fields are data: never a secret, never a whole answer.
 */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
