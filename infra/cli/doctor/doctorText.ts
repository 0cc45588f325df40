/** `doctor` for people. Pure. In: findings by cloud. Out: a line each, and below what is not well what was wanted and the fix. */
import { oneLine } from '../printable.ts'
import type { Look } from '../statusText.ts'
import type { Finding, Level } from './check.ts'

export interface OfCloud {
  readonly cloud: string
  readonly findings: readonly Finding[]
}

const meanings = { ok: 'good', warning: 'unsure', error: 'bad' } as const

export function doctorText(clouds: readonly OfCloud[], quiet: boolean, { paint }: Pick<Look, 'paint'>): string {
  const several = clouds.length > 1
  const parts = clouds.map(({ cloud, findings }) => {
    const width = Math.max(...findings.map(({ check }) => check.length), 5)
    const title = several ? [`cloud ${oneLine(cloud)}:`] : []
    return [...title, ...findings.flatMap((finding) => linesOf(finding, width, quiet, paint))].join('\n')
  })
  const all = clouds.flatMap(({ findings }) => findings)
  const count = (level: Level): number => all.filter((finding) => finding.level === level).length
  return [...parts, `${count('ok')} ok, ${count('warning')} warnings, ${count('error')} errors`].join('\n\n')
}

function linesOf({ check, level, found, wanted, fix }: Finding, width: number, quiet: boolean, paint: Look['paint']) {
  const first = `${paint(meanings[level], level.padEnd(7))}  ${check.padEnd(width)}  ${oneLine(found)}`
  if (check.startsWith('right to ')) return [`${first}: ${oneLine(wanted)}`, ...fixLine(fix, width, quiet)]
  if (level === 'ok') return [first]
  return [first, `${' '.repeat(11 + width)}wanted: ${oneLine(wanted)}`, ...fixLine(fix, width, quiet)]
}

const fixLine = (fix: string, width: number, quiet: boolean): readonly string[] =>
  fix === '' || quiet ? [] : [`${' '.repeat(11 + width)}fix: ${oneLine(fix)}`]
