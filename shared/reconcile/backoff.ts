/**
 * How long a host waits after its n-th failure in a row: exponential from `base` to `max`, then moved by up to a
 * quarter either way, so that hosts which failed together do not come back together. In and out: milliseconds.
 */
export interface BackoffPolicy {
  readonly baseMilliseconds: number
  readonly maxMilliseconds: number
}

/** @param failures in a row, 1 or more  @param random from 0 up to 1 */
export function backoff(failures: number, policy: BackoffPolicy, random: number): number {
  const doubled = policy.baseMilliseconds * 2 ** Math.min(Math.max(failures, 1) - 1, 30)
  return Math.round(Math.min(doubled, policy.maxMilliseconds) * (0.75 + random / 2))
}
