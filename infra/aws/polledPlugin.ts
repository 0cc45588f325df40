/**
 * Switches off the event source of each function that no chosen driver runs in. In: Serverless's service before it is compiled. Out: the
 * same, with `enabled` on the queues of provisioners.
 */
import { ConfigurationError } from '../../shared/runtime/configuration.ts'
import { provisionersOf, type Written } from './polledQueues.ts'

interface Service {
  readonly provider: { readonly environment?: Written }
  readonly functions: Readonly<Record<string, { readonly events: readonly { readonly sqs?: { enabled?: boolean } }[] }>>
}

interface Serverless {
  readonly service: Service
  /** Its own errors are told by their message alone. */
  readonly classes: { readonly Error: new (message: string) => Error }
}

class PolledPlugin {
  readonly hooks: Readonly<Record<string, () => void>>

  constructor({ service, classes }: Serverless) {
    const chosen = (): ReadonlySet<string> => {
      try {
        return provisionersOf(service.provider.environment ?? {})
      } catch (error) {
        throw error instanceof ConfigurationError ? new classes.Error(error.message) : error
      }
    }
    this.hooks = {
      'before:package:compileEvents': () => {
        const polled = chosen()
        for (const [name, { events }] of Object.entries(service.functions))
          if (name.startsWith('provision'))
            for (const { sqs } of events) if (sqs !== undefined) sqs.enabled = polled.has(name)
      },
    }
  }
}

export default PolledPlugin
