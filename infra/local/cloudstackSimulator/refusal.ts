/** How the simulated server says no: CloudStack's codes and words, as captured (API-BEHAVIOUR, Errors). */

/** Thrown by a command; the HTTP edge turns it into an error answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: number
  /** Absent for 401, as captured. */
  readonly csCode: number | undefined
  constructor(code: number, text: string, csCode: number | undefined = 9999) {
    super(text)
    this.code = code
    this.csCode = csCode
  }
}

export const unauthorized = (): Refusal =>
  new Refusal(401, 'unable to verify user credentials and/or request signature', undefined)

export const missing = (command: string, parameter: string): Refusal =>
  new Refusal(431, `Unable to execute API command ${command.toLowerCase()} due to missing parameter ${parameter}`)

export const invalid = (command: string, parameter: string, value: string): Refusal =>
  new Refusal(
    431,
    `Unable to execute API command ${command.toLowerCase()} due to invalid value ${value} for parameter ${parameter}`,
  )

export const unknownId = (command: string, parameter: string, value: string): Refusal =>
  new Refusal(
    431,
    `Unable to execute API command ${command.toLowerCase()} due to invalid value. Invalid parameter ${parameter} value=${value} due to incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the field in api cmd class.`,
  )

/** What the server's own code refuses while it runs. */
export const failed = (text: string): Refusal => new Refusal(530, text, 4250)
