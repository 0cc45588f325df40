/** What every function's role allows beside its own, where a parameter asks for it. In: the service's resources, statements. Out: the roles with them, changed in place. */

export interface Resource {
  readonly Type: string
  readonly Properties?: {
    readonly Policies?: readonly { readonly PolicyDocument: { Statement: readonly unknown[] } }[]
  }
}

export function allowInEveryRole(resources: Readonly<Record<string, Resource>>, statements: readonly unknown[]): void {
  const roles = Object.values(resources).filter(({ Type }) => Type === 'AWS::IAM::Role')
  for (const { PolicyDocument: document } of roles.flatMap(({ Properties }) => Properties?.Policies ?? []))
    document.Statement = [...document.Statement, ...statements]
}
