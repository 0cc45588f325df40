/**
 * The variables of serverless.yml, in the forms that it uses and no others: `${sls:stage}`, `${param:NAME}` and
 * `${file(PATH)}`. In: parsed YAML. Out: the same without variables. CloudFormation's own `${AWS::…}` stays as it is.
 */

export interface Sources {
  readonly stage: string
  readonly parameters: Readonly<Record<string, unknown>>
  /** The parsed content of a file beside serverless.yml. @throws Error when it cannot be read */
  readonly file: (path: string) => unknown
}

/** Thrown for what the local runner cannot read in the deployment's files; says where, what, and what it knows. */
export class DeploymentError extends Error {
  override readonly name = 'DeploymentError'
}

const variable = /\$\{(?!AWS::)([^{}]*)\}/g
const fileForm = /^file\(([\w./-]+)\)$/
const parameterForm = /^param:([\w-]+)$/

/** @throws DeploymentError for a form that is not known, or a parameter that has no default. */
export function resolveVariables(value: unknown, sources: Sources, where: string): unknown {
  if (typeof value === 'string') return resolveText(value, sources, where)
  if (Array.isArray(value)) return value.map((each, index) => resolveVariables(each, sources, `${where}[${index}]`))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, resolveVariables(each, sources, `${where}.${name}`)]),
  )
}

/** A variable that is the whole text keeps the type of its value; among other text it becomes text. */
function resolveText(text: string, sources: Sources, where: string): unknown {
  const found = [...text.matchAll(variable)]
  const [first] = found
  if (first === undefined) return text
  if (first[0] === text) return lookUp(first[1] ?? '', sources, where)
  return text.replace(variable, (_, name: string) => String(lookUp(name, sources, where)))
}

function lookUp(name: string, sources: Sources, where: string): unknown {
  if (name === 'sls:stage') return sources.stage
  const path = fileForm.exec(name)?.[1]
  if (path !== undefined) return resolveVariables(sources.file(path), sources, path)
  const parameter = parameterForm.exec(name)?.[1]
  if (parameter === undefined) {
    throw new DeploymentError(
      `${where}: \${${name}} is a form that the embedded cloud does not know: use \${sls:stage}, \${param:…} or \${file(…)}`,
    )
  }
  const value = sources.parameters[parameter]
  if (value === undefined) throw new DeploymentError(`${where}: the parameter "${parameter}" has no default`)
  return value
}
