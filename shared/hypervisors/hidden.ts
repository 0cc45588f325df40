/**
 * What a server says, without the secrets of our login there: one that echoes a password in a fault, on purpose or not, would have it in records,
 * history and logs. In: how a session is opened, the secrets by then. Out: the same session; its errors and words hold none. Pure but for errors,
 * which are rewritten where they stand, so that they stay what they are to whoever catches them.
 */
import type { Change, Finding, Removal, Session, View } from './driver.ts'

const instead = '(hidden)'
/** Shorter ones cannot be hidden: every place where they were would tell them. */
const shortest = 4
/** Characters that are kept of one text, cut when nothing is left in it: half a secret is hidden by nobody. */
const longest = 500

/** @param secretsOf asked anew each time: a session becomes one after the login */
export async function withoutSecrets(
  open: () => Promise<Session>,
  secretsOf: () => readonly string[],
): Promise<Session> {
  const hide = (text: string): string => hidden(text, secretsOf()).slice(0, longest)
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      hideIn(error, hide)
      throw error
    }
  }
  const session = await guarded(open)
  const { look, remove, close } = session
  return {
    look: (...given) => guarded(async () => shown(await look(...given), hide, guarded)),
    ...(remove === undefined
      ? {}
      : { remove: (...given) => guarded(async () => shownRemoval(await remove(...given), hide)) }),
    close: () => guarded(close),
  }
}

/** Each as it is, and as it stands in XML, JSON and addresses. */
export function hidden(text: string, secrets: readonly string[]): string {
  const forms = new Set(secrets.filter(({ length }) => length >= shortest).flatMap(formsOf))
  return [...forms].sort((a, b) => b.length - a.length).reduce((left, form) => left.replaceAll(form, instead), text)
}

const formsOf = (secret: string): readonly string[] => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret.toWellFormed()),
  escaped(secret, '&<>'),
  escaped(secret, '&<>"'),
  escaped(secret, `&<>"'`),
]

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;' },
  ...{ '"': '&quot;', "'": '&apos;' },
}
const escaped = (text: string, characters: string): string =>
  text.replace(/[&<>"']/g, (one) => (characters.includes(one) ? (entities[one] ?? one) : one))

type Hide = (text: string) => string

/** What names a network or a device stays as it is: it is how the two are found again. */
function shown(view: View, hide: Hide, guarded: <T>(work: () => Promise<T>) => Promise<T>): View {
  const finding = (one: Finding): Finding => ({ ...one, detail: hide(one.detail) })
  const change = (one: Change): Change => ({ ...one, steps: one.steps.map(hide) })
  return {
    ...view,
    changes: view.changes.map(change),
    findings: view.findings.map(finding),
    ...(view.readiness === undefined ? {} : { readiness: view.readiness.map(finding) }),
    apply: () => guarded(async () => shown(await view.apply(), hide, guarded)),
  }
}

const shownRemoval = (removal: Removal, hide: Hide): Removal =>
  'kept' in removal ? { kept: hide(removal.kept) } : removal

/** With what caused it; the same error may reach several who share a session. */
function hideIn(error: unknown, hide: Hide): void {
  for (let one = error, depth = 0; one instanceof Error && depth < 8; one = one.cause, depth += 1) {
    const frames = (one.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
    one.message = hide(one.message)
    // It began with the message as it was.
    one.stack = [`${one.name}: ${one.message}`, ...frames.map(hide)].join('\n')
  }
}
