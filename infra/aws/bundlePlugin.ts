/**
 * Bundles the functions before Serverless packages, deploys or runs them, so that `npx serverless package` is whole on
 * a clean clone. In: Serverless's hooks. Out: dist/, and the sizes on the terminal.
 */

interface Tools {
  readonly log: { notice(text: string): void }
}

/** Serverless loads plugins with `require`, which takes no module that awaits as it loads: so bundle.ts comes later. */
class BundlePlugin {
  readonly hooks: Readonly<Record<string, () => Promise<void>>>

  constructor(_serverless: unknown, _options: unknown, { log }: Tools) {
    const run = async (): Promise<void> => {
      const { bundle, sizes } = await import('./bundle.ts')
      log.notice(sizes(await bundle()))
    }
    this.hooks = {
      'before:package:createDeploymentArtifacts': run,
      'before:package:function:package': run,
      'before:invoke:local:invoke': run,
    }
  }
}

export default BundlePlugin
