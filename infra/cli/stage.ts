/**
 * What the functions of a stage are set to, as serverless.yml here has it for that stage. In: a stage, the operator's environment. Out: the
 * settings; whatever the operator sets wins. What was given to `serverless deploy` on its command line alone is not known here: the operator
 * sets it as a variable.
 */
import { join } from 'node:path'
import { ConfigurationError, type Environment } from '../../shared/runtime/configuration.ts'
import { deploymentOf } from '../local/cloud/deployment.ts'
import { readServerless } from '../local/cloud/serverlessFile.ts'
import { DeploymentError } from '../local/cloud/variables.ts'

const root = join(import.meta.dirname, '../..')

/** Of all its functions together. @throws ConfigurationError where serverless.yml cannot be read */
export function settingsOfStage(stage: string, environment: Environment): Environment {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value))
  const written = Object.entries(textsOf(stage)).filter(
    ([name, text]) => !isDynamicReference(text) && !isElsewhere(name, set),
  )
  return { ...environment, ...Object.fromEntries(written), ...set }
}

/** CloudFormation alone puts it in. */
const isDynamicReference = (text: string): boolean => text.startsWith('{{resolve:')

/** Where the operator names a file or the keys themselves, the stage's secret of the same is not meant. */
function isElsewhere(name: string, set: Environment): boolean {
  const [, of] = /^BRIDGEKEEPER_(\w+)_SECRET$/.exec(name) ?? []
  if (of === undefined) return false
  return Object.keys(set).some(
    (other) =>
      (other.startsWith(`BRIDGEKEEPER_${of}_`) && other.endsWith('_FILE')) ||
      (of === 'CLOUDSTACK' && other.startsWith('CLOUDSTACK_')),
  )
}

function textsOf(stage: string): Readonly<Record<string, string>> {
  try {
    return Object.assign({}, ...deploymentOf(readServerless(root, stage)).functions.map(({ texts }) => texts))
  } catch (error) {
    throw error instanceof DeploymentError ? new ConfigurationError(error.message) : error
  }
}
