/** The functions' own code, from source. In: where serverless.yml is, and a function. Out: what makes its handler. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Create } from '../../../shared/runtime/lambda.ts'
import type { FunctionDeployment } from './deployment.ts'
import { DeploymentError } from './variables.ts'

/** @throws DeploymentError when the module does not load or makes no handler. */
export async function loadCreate(root: string, { name, source }: FunctionDeployment): Promise<Create> {
  const file = pathToFileURL(join(root, source)).href
  const loaded: unknown = await import(file).catch((cause: unknown) => {
    throw new DeploymentError(`functions.${name}: ${source} does not load: ${String(cause)}`, { cause })
  })
  if (makesHandler(loaded)) return loaded.create
  throw new DeploymentError(`functions.${name}: ${source} exports no function "create"`)
}

const makesHandler = (loaded: unknown): loaded is { readonly create: Create } =>
  typeof loaded === 'object' && loaded !== null && 'create' in loaded && typeof loaded.create === 'function'
