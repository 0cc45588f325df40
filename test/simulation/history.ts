/**
 * What happened, told in sentences with their times; kept only when somebody will read it. In: sentences. Out: lines.
 */
import { timeOf } from './incident.ts'

export interface History {
  tell(sentence: string): void
  readonly lines: readonly string[]
}

export function createHistory(kept: boolean, sinceBeginning: () => number): History {
  const lines: string[] = []
  return {
    tell: (sentence) => {
      if (kept) lines.push(`${timeOf(sinceBeginning())}  ${sentence}`)
    },
    lines,
  }
}
