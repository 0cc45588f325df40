#!/usr/bin/env node
/**
 * The operator's command line, run as `npx bridgekeeper COMMAND`, which puts this package's own Node first. In: the
 * process. Out: data on stdout, progress and errors on stderr, and the exit code.
 */
import { main } from './main.ts'
import { outputOf } from './output.ts'

/** A reader that has seen enough (`| head`) closes the pipe: nothing is left to say, and nobody to say it to. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? process.exitCode : 1))
}

/** Ctrl-C may arrive twice, from the terminal and from npx; both mean the same. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  process.on('SIGINT', () => controller.abort())
  return controller.signal
}

process.exitCode = await main(process.argv.slice(2), {
  environment: process.env,
  output: outputOf(process.stdout, process.stderr, process.env),
  writeError: (text) => void process.stderr.write(text),
  interruption,
})
