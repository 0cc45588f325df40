/**
 * `npm run demo`: one command, no questions. In: `--json` for figures as the last line. Out: the story on standard output;
 * exit 0 if every host was right in the end. It leaves nothing behind: where it may, it runs in namespaces that vanish
 * with it, and otherwise holds nothing but memory and one temporary folder.
 */
import { fileURLToPath } from 'node:url'
import { insideNamespace, runInNamespace } from '../bed/namespace.ts'
import { netnsAvailable } from '../bed/netns.ts'
import { umlAvailable } from '../bed/uml.ts'
import type { Kernel } from './hosts.ts'
import { tell } from './story.ts'

const flags = process.argv.slice(2)
const unknown = flags.find((flag) => !['--json', '--kernel=uml', '--kernel=netns', '--kernel=simulated'].includes(flag))

if (unknown !== undefined) {
  console.error(`"${unknown}" is not an option of the demo: it knows --json and --kernel=uml|netns|simulated.`)
  process.exitCode = 1
} else if (insideNamespace() && process.env.DEMO_KERNEL !== undefined) {
  process.exitCode = await play(process.env.DEMO_KERNEL === 'netns' ? 'netns' : 'uml')
} else {
  const kernel = chooseKernel()
  process.exitCode = kernel === 'simulated' ? await play(kernel) : await playInNamespace(kernel)
}

/** The most real hosts that this machine allows; says what would make them more real. */
function chooseKernel(): Kernel {
  const asked = flags.find((flag) => flag.startsWith('--kernel='))?.slice('--kernel='.length)
  if (asked === 'uml' || asked === 'netns' || asked === 'simulated') return asked
  const uml = umlAvailable()
  if (uml.available) return 'uml'
  console.log(`Hosts with kernels of their own need ${uml.missing}.`)
  const netns = netnsAvailable()
  if (netns.available) return 'netns'
  console.log(
    `Hosts on this kernel need ${netns.missing}.\nSo the hosts are simulated in memory; everything else is real.`,
  )
  return 'simulated'
}

function playInNamespace(kernel: Kernel): Promise<number> {
  const self = fileURLToPath(import.meta.url)
  return runInNamespace(process.execPath, [self, ...flags], { env: { DEMO_KERNEL: kernel } })
}

async function play(kernel: Kernel): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  try {
    const figures = await tell(kernel, (text) => console.log(text))
    if (flags.includes('--json')) console.log(JSON.stringify(figures))
    return figures.ok ? 0 : 1
  } catch (error) {
    console.error(`The demo failed: ${error instanceof Error ? error.message : error}`)
    if (flags.includes('--json')) console.log(JSON.stringify({ ok: false, kernel }))
    return 1
  }
}
