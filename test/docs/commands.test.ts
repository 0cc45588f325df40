/** What the pages tell people to type exists: each command of the command line with its options, each script of npm. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { outputOf } from '../../infra/cli/output.ts'
import { createProgram } from '../../infra/cli/program.ts'

const root = join(import.meta.dirname, '../..')
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]
const lines = pages.flatMap((page) =>
  readFileSync(join(root, page), 'utf8')
    .split('\n')
    .map((line) => ({ page, line })),
)
const program = createProgram(
  '0',
  {
    environment: {},
    output: outputOf(process.stdout, process.stderr, {}),
    writeError: () => undefined,
    interruption: () => new AbortController().signal,
  },
  { found: () => undefined, exit: () => undefined },
)
const { scripts }: { scripts: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

/** @returns what of it does not exist */
function unknownIn(typed: string): readonly string[] {
  let command: Command = program
  const [words] = typed.split(/ #|[|`;&)]/)
  for (const word of (words ?? '').trim().split(/\s+/)) {
    const next = command.commands.find((each) => each.name() === word)
    if (next === undefined) break
    command = next
  }
  if (command.commands.length > 0) return [typed]
  const long = [...(words ?? '').matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option)
  return long.filter((option) => !command.options.some((each) => each.long === option))
}

const typed = lines.flatMap(({ page, line }) =>
  [...line.matchAll(/npx bridgekeeper ([a-z].*)/g)].map(([, rest = '']) => [page, rest] as const),
)

it('each command of bridgekeeper that a page names exists, and has the options that stand there', () => {
  expect(typed.length).toBeGreaterThan(30)
  const wrong = typed.flatMap(([page, rest]) => unknownIn(rest).map((what) => `${page}: ${what} (${rest})`))
  expect(wrong).toEqual([])
})

it('each script of npm that a page names exists', () => {
  const named = lines.flatMap(({ line }) => [...line.matchAll(/npm run ([a-z][a-z:-]*)/g)].map(([, name = '']) => name))
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([])
})

it('a command that does not exist is caught, and an option that it does not have', () => {
  expect(unknownIn('staus --stage prod')).toHaveLength(1)
  expect(unknownIn('hostkeys take --stage prod')).toHaveLength(1)
  expect(unknownIn('status --stagee prod')).toEqual(['--stagee'])
})

it('what the pages tell of the agent’s installation is what its script takes', () => {
  const script = readFileSync(join(root, 'infra/agent/install.sh'), 'utf8')
  const options = lines.flatMap(({ line }) =>
    [...line.matchAll(/install\.sh((?: --[a-z-]+)+)/g)].flatMap(([, given = '']) => given.trim().split(' ')),
  )
  expect(options).toContain('--uninstall')
  for (const option of options) expect(script).toContain(`${option})`)
})
