/** What CloudWatch makes of values over time, by its own rules. In: an alarm, values with their times, a moment. Out: whether it is raised. Pure. */
import type { Alarm } from '../../infra/alarms/alarms.ts'

export interface Point {
  readonly at: number
  readonly name: string
  readonly value: number
}

/** @param was whether it was raised before, which stays so where nothing says otherwise @param silence in seconds */
export function isRaised(alarm: Alarm, points: readonly Point[], now: number, was = false, silence = 180): boolean {
  const length = (alarm.period === 'silence' ? silence : alarm.period) * 1000
  const periods = Array.from({ length: alarm.periods }, (_, back) => {
    const to = now - back * length
    return points.filter(({ name, at }) => name === alarm.metric && at > to - length && at <= to)
  })
  const judged = periods.map((within) =>
    breaches(
      alarm,
      within.map(({ value }) => value),
    ),
  )
  if (judged.some((breach) => breach === undefined) && alarm.nothing === 'as it was') {
    const known = judged.filter((breach) => breach !== undefined)
    return known.length === 0 ? was : known.every(Boolean) && known.length === judged.length
  }
  return judged.every((breach) => breach ?? alarm.nothing === 'raised')
}

function breaches({ of, is, threshold }: Alarm, values: readonly number[]): boolean | undefined {
  if (values.length === 0) return undefined
  const value = {
    highest: () => Math.max(...values),
    lowest: () => Math.min(...values),
    sum: () => values.reduce((sum, one) => sum + one, 0),
  }[of]()
  return is === 'below' ? value < threshold : value >= threshold
}
