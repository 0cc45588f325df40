/**
 * The virtual clock: one task at a time, in the order of their times, and after each one everything that it set free has
 * run as far as it can. In: tasks. Out: the same order for the same tasks, whatever the machine does. Milliseconds.
 */
import { setImmediate as settled } from 'node:timers/promises'

export interface Scheduler {
  now(): number
  /** How many tasks have run: orders what happens at one time. */
  step(): number
  at(time: number, task: () => unknown): void
  /** Runs what is due up to this time, unless `stopped` says that it is enough. */
  run(until: number, stopped: () => boolean): Promise<void>
}

interface Task {
  readonly time: number
  readonly order: number
  readonly work: () => unknown
}

export function createScheduler(start: number): Scheduler {
  const heap: Task[] = []
  let now = start
  let order = 0
  let steps = 0
  return {
    now: () => now,
    step: () => steps,
    at: (time, work) => push(heap, { time: Math.max(time, now), order: order++, work }),
    run: async (until, stopped) => {
      for (let next = heap[0]; next !== undefined && next.time <= until; next = heap[0]) {
        pop(heap)
        now = next.time
        steps++
        next.work()
        await settled() // Every promise that this task resolved has been followed to its next wait.
        if (stopped()) return
      }
      now = until
    },
  }
}

const before = (a: Task, b: Task): boolean => a.time < b.time || (a.time === b.time && a.order < b.order)

function push(heap: Task[], task: Task): void {
  let at = heap.push(task) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || before(parent, task)) break
    heap[at] = parent
    at = above
  }
  heap[at] = task
}

function pop(heap: Task[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
    const smaller = right !== undefined && left !== undefined && before(right, left) ? 2 * at + 2 : 2 * at + 1
    const child = heap[smaller]
    if (child === undefined || before(last, child)) break
    heap[at] = child
    at = smaller
  }
  heap[at] = last
}
