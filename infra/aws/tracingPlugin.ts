/** Traces of X-Ray for every function, if the parameter `tracing` asks for them. In: `custom.tracing` of serverless.yml. Out: `provider.tracing`, and in each role what Lambda needs to write them. */
import { allowInEveryRole, type Resource } from './everyRole.ts'

/** AWSXRayDaemonWriteAccess's, as far as Lambda uses it. AWS has them for no resource of its own. */
export const tracingStatement = {
  Effect: 'Allow',
  Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
  Resource: '*',
} as const

interface Serverless {
  readonly service: {
    readonly provider: { tracing?: { readonly lambda: true } }
    readonly custom: { readonly tracing: unknown }
    readonly resources: { readonly Resources: Readonly<Record<string, Resource>> }
  }
}

class TracingPlugin {
  readonly hooks: Readonly<Record<string, () => void>>

  constructor({ service }: Serverless) {
    this.hooks = {
      initialize: () => {
        if (String(service.custom.tracing) !== 'true') return
        service.provider.tracing = { lambda: true }
        allowInEveryRole(service.resources.Resources, [tracingStatement])
      },
    }
  }
}

export default TracingPlugin
