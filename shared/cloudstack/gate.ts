/**
 * What every request to CloudStack passes, so that all functions together keep one rate and leave a server that is down
 * alone (DESIGN 21). In: nothing but that a request is to go, and what became of it. Out: the moment when it may.
 */

export interface Gate {
  /** Waits until one request may go. @param until when nobody waits any more. @throws LeftAlone, RateUsedUp */
  pass(until?: number): Promise<void>
  /** CloudStack answered, whatever it said. */
  answered(): Promise<void>
  /** No answer came, or none of CloudStack's own. @param why in words, without secrets */
  failed(why: string): Promise<void>
  /** It asked for so many milliseconds of silence (Retry-After). */
  askedToWait(milliseconds: number): Promise<void>
}

/** For a single client with nobody beside it: a person at a command line, a check before a start. */
export const openGate: Gate = {
  pass: async () => {},
  answered: async () => {},
  failed: async () => {},
  askedToWait: async () => {},
}
