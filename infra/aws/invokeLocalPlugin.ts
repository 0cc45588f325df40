/**
 * Makes `serverless invoke local -f NAME` run without anything deployed (infra/local/invokeLocal.ts). In: Serverless's hooks. Out: the
 * function's environment, and where neither --data, --path nor stdin gives one, an event of the kind that starts it.
 */
import { text } from 'node:stream/consumers'
import type { LocalRun } from '../local/invokeLocal.ts'

interface Service {
  readonly provider: { environment?: unknown }
  readonly functions: Readonly<Record<string, { environment?: unknown }>>
  readonly resources: unknown
}

interface Serverless {
  readonly service: Service
  readonly processedInput?: { readonly commands: readonly string[] }
  /** Its own errors are told by their message alone. */
  readonly classes: { readonly Error: new (message: string) => Error }
}

interface Options {
  readonly function?: string
  data?: string
  readonly path?: string
}

interface Tools {
  readonly log: { notice(text: string): void }
}

/** Serverless loads plugins with `require`, which takes no module that awaits as it loads: so the other one comes later. */
class InvokeLocalPlugin {
  readonly hooks: Readonly<Record<string, () => Promise<void>>>

  constructor(serverless: Serverless, options: Options, { log }: Tools) {
    const { service, classes } = serverless
    let run: LocalRun | undefined
    const isAsked = (): boolean => serverless.processedInput?.commands.join(' ') === 'invoke local'
    const prepare = async (name: string): Promise<void> => {
      const { deploymentOfService, prepareLocalRun, sampleEvent } = await import('../local/invokeLocal.ts')
      if (!options.data && options.path === undefined) options.data = (await typed()) || sampleEvent(name)
      const deployment = { ...service, resources: [service.resources].flat() }
      try {
        run = await prepareLocalRun(deploymentOfService(deployment), name, process.env)
      } catch (error) {
        throw new classes.Error(error instanceof Error ? error.message : String(error))
      }
      log.notice(`${name} on ${run.on}`)
      service.provider.environment = run.environment
      for (const each of Object.values(service.functions)) each.environment = {}
      // Serverless asks for credentials first; those of the parts in this process spare it the search.
      for (const key of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) process.env[key] ??= run.environment[key]
    }
    this.hooks = {
      initialize: async () => {
        const name = options.function
        // Serverless itself says that a function is missing, or that there is none of that name.
        if (!isAsked() || name === undefined || service.functions[name] === undefined) return
        await prepare(name)
      },
      finalize: async () => run?.stop(),
      error: async () => run?.stop(),
    }
  }
}

const typed = async (): Promise<string> => (process.stdin.isTTY ? '' : text(process.stdin))

export default InvokeLocalPlugin
