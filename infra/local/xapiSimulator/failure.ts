/** What XAPI answers instead of a result: its own code and parameters. */
export class SimulatedFailure extends Error {
  override readonly name = 'SimulatedFailure'
  readonly description: readonly string[]
  constructor(code: string, ...parameters: readonly string[]) {
    super([code, ...parameters].join(' '))
    this.description = [code, ...parameters]
  }
}
