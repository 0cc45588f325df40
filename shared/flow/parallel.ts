/** Doing many of a kind at once, but not too many. In: items, a task. Out: the results in order; the first error ends it. */
import pLimit from 'p-limit'

const atOnce = 16

export function parallel<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  return pLimit(atOnce).map(items, task)
}
