/** Adds the alarms and the dashboard that the parameters ask for. In: `custom.alarms` of serverless.yml. Out: resources beside those written there. */
import { AlarmsUnusable, alarmResources, type Resources } from './alarms.ts'

interface Serverless {
  readonly service: {
    readonly provider: { readonly environment?: Readonly<Record<string, unknown>> }
    readonly custom: { readonly alarms: Readonly<Record<'topic' | 'dashboard' | 'silence' | 'schedule', unknown>> }
    readonly resources: { Resources: Resources }
  }
  getProvider(name: 'aws'): { getStage(): string }
  readonly classes: { readonly Error: new (message: string) => Error }
}

class AlarmsPlugin {
  readonly hooks: Readonly<Record<string, () => void>>

  constructor(serverless: Serverless) {
    const { service, classes } = serverless
    const made = (): Resources => {
      const { topic, dashboard, silence, schedule } = service.custom.alarms
      const dead = Object.entries(service.resources.Resources).flatMap(([id, { Type }]) =>
        Type === 'AWS::SQS::Queue' && id.endsWith('DeadQueue') ? [id] : [],
      )
      const asked = { topic: String(topic), dashboard: String(dashboard), silence: String(silence) }
      const place = {
        schedule: String(schedule),
        stage: serverless.getProvider('aws').getStage(),
        clouds: String(service.provider.environment?.BRIDGEKEEPER_CLOUD),
      }
      try {
        return alarmResources({ ...asked, ...place }, dead)
      } catch (error) {
        throw error instanceof AlarmsUnusable ? new classes.Error(error.message) : error
      }
    }
    this.hooks = {
      initialize: () => {
        service.resources.Resources = { ...service.resources.Resources, ...made() }
      },
    }
  }
}

export default AlarmsPlugin
