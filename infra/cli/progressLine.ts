/**
 * Progress on stderr. In: a line at a time. Out: on a terminal one line that is written over, otherwise a new line
 * whenever it changed, and no more often than every few seconds.
 */
export interface Follower {
  show(line: string, now: number): void
  /** Leaves the last line standing. */
  end(): void
}

const betweenLines = 5000
const eraseLine = '\r\u001B[K'

export function followOn(write: (text: string) => void, terminal: boolean): Follower {
  let last = ''
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    show: (line, now) => {
      if (line === last || (!terminal && now - shownAt < betweenLines)) return
      write(terminal ? `${eraseLine}${line}` : `${line}\n`)
      last = line
      shownAt = now
    },
    end: () => {
      if (terminal && last !== '') write('\n')
      last = ''
    },
  }
}

export const nobody: Follower = { show: () => {}, end: () => {} }
