/**
 * Tables that fit the width they are given. In: columns and rows of text that is fit to be printed. Out: lines. What is
 * too wide is cut, the widest first and never below its minimum; where that is not enough, columns that may go, go.
 */
import Table from 'cli-table3'
import stringWidth from 'string-width'

export interface Column {
  readonly title: string
  /** A column is not cut below so many cells of the terminal. */
  readonly minimum: number
  /** May be left out where there is no room; the highest number goes first. */
  readonly spare?: number
}

const gap = 2
const noLines = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'middle'].flatMap((side) =>
    ['', '-mid', '-left', '-right'].map((part) => [`${side}${part}`, '']),
  ),
)

export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string {
  const natural = columns.map(({ title }, index) =>
    rows.reduce((widest, row) => Math.max(widest, stringWidth(row[index] ?? '')), stringWidth(title)),
  )
  const kept = columnsThatFit(columns, natural, width)
  const widths = shrunk(
    kept.map((index) => natural[index] ?? 0),
    kept.map((index) => columns[index]?.minimum ?? 0),
    width - gap * (kept.length - 1),
  )
  const drawn = new Table({
    head: kept.map((index) => columns[index]?.title ?? ''),
    colWidths: widths.map((cells) => cells + gap),
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': gap, compact: true },
  })
  drawn.push(...rows.map((row) => kept.map((index) => row[index] ?? '')))
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Indices of the columns that fit at their smallest, once as few as possible were left out. */
function columnsThatFit(columns: readonly Column[], natural: readonly number[], width: number): readonly number[] {
  const smallest = columns.map((column, index) => Math.min(column.minimum, natural[index] ?? 0))
  const leaving = columns
    .map((column, index) => ({ index, spare: column.spare }))
    .filter((candidate): candidate is { index: number; spare: number } => candidate.spare !== undefined)
    .sort((a, b) => b.spare - a.spare)
  const kept = new Set(columns.keys())
  const needed = (): number => [...kept].reduce((sum, index) => sum + (smallest[index] ?? 0) + gap, -gap)
  for (const { index } of leaving) {
    if (needed() <= width) break
    kept.delete(index)
  }
  return [...kept]
}

/** Takes from the widest that may still give, until all fit or none may. */
function shrunk(natural: readonly number[], minimums: readonly number[], width: number): readonly number[] {
  const widths = [...natural]
  let excess = widths.reduce((sum, cells) => sum + cells, 0) - width
  while (excess > 0) {
    const slack = widths.map((cells, index) => (cells > (minimums[index] ?? 0) ? cells : 0))
    const widest = Math.max(0, ...slack)
    if (widest === 0) break
    widths[slack.indexOf(widest)] = widest - 1
    excess -= 1
  }
  return widths
}
