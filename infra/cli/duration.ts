/** Durations for people. In: milliseconds. Out: the largest unit that fits, `12s`, `3m`, `2h` or `5d`. */

const units = [
  { text: 'd', milliseconds: 86_400_000 },
  { text: 'h', milliseconds: 3_600_000 },
  { text: 'm', milliseconds: 60_000 },
  { text: 's', milliseconds: 1000 },
] as const

/** Rounded down; negative ones (clocks differ) are `0s`. */
export function duration(milliseconds: number): string {
  const unit = units.find((candidate) => milliseconds >= candidate.milliseconds)
  return unit === undefined ? '0s' : `${Math.floor(milliseconds / unit.milliseconds)}${unit.text}`
}

export const ago = (then: number | undefined, now: number): string =>
  then === undefined ? 'never' : `${duration(now - then)} ago`

/** ISO 8601 in UTC, or null: what JSON shows of a time. */
export const isoTime = (milliseconds: number | undefined): string | null =>
  milliseconds === undefined ? null : new Date(milliseconds).toISOString()
