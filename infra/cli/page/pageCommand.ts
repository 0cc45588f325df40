/**
 * `bridgekeeper page --stage S`: the status page of a stage in a browser of this machine, until Ctrl-C. In: a stage, an environment, a port. Out:
 * the address on stdout; the exit code.
 */
import * as z from 'zod'
import type { Environment } from '../../../shared/runtime/configuration.ts'
import type { Output } from '../output.ts'
import { UsageError } from '../selectors.ts'
import { startProxy } from './proxy.ts'
import { signing } from './signed.ts'

export interface PageOptions {
  readonly port: number
  readonly quiet?: boolean
}

/** Thrown where the page is not to be had; says whose fault it is. */
export class NoPage extends Error {
  override readonly name = 'NoPage'
}

const configuration = z.object({ FunctionUrl: z.url({ protocol: /^https?$/ }) })

/** @throws UsageError without a stage, NoPage, and what the SDK throws without keys or a region */
export async function pageCommand(
  { port, quiet }: PageOptions,
  stage: string | undefined,
  environment: Environment,
  output: Output,
  interrupted: AbortSignal,
): Promise<number> {
  if (stage === undefined) throw new UsageError('page needs --stage: the page of a stage on AWS is shown.')
  const signed = signing(environment)
  try {
    const name = `bridgekeeper-${stage}-status`
    const api = new URL(`/2021-10-31/functions/${name}/url`, await signed.lambdaApi())
    const { status, body } = await signed.get(api, interrupted)
    if (status === 404)
      throw new NoPage(`the function ${name} has no address: correct --stage or --region, or deploy the stage first.`)
    if (status !== 200)
      throw new NoPage(
        `AWS does not say where ${name} is (HTTP ${status}): attach the policy of viewers (docs/aws.md), and look whose keys these are.`,
      )
    const found = configuration.safeParse(jsonOf(body))
    if (!found.success) throw new NoPage(`AWS says no address of ${name} that can be asked.`)
    const proxy = await startProxy(new URL(found.data.FunctionUrl), signed.get, port).catch((error: unknown) => {
      const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
      throw new NoPage(`port ${port} cannot be listened on (${why}): choose another with --port.`)
    })
    output.print(quiet ? proxy.url : `${proxy.url}  (stage ${stage}; Ctrl-C ends it)`)
    await new Promise<void>((resolve) => {
      if (interrupted.aborted) resolve()
      else interrupted.addEventListener('abort', () => resolve(), { once: true })
    })
    await proxy.stop()
    return 0
  } finally {
    signed.close()
  }
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
