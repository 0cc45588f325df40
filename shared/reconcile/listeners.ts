/**
 * The listeners: who wants to hear of a host's transitions (FACTS G), one entry each. Pure. A listener says which
 * transitions raise the host's `wanted`, so that a run looks at the host; and turns a transition, with what that run
 * observed, into findings.
 *
 * | listener           | raises `wanted` on                      | finds                                                     |
 * |--------------------|-----------------------------------------|-----------------------------------------------------------|
 * | persistentNetworks | hostAdded, hostConnect, hostEnabled     | after any transition: each network that is not right      |
 * | hostReadiness      | hostAdded, hostConnect                  | after these: what stands in the way of networks to come   |
 *
 * `wanted` is one counter for all: one run serves every listener.
 */
import type { Exception } from './record.ts'
import type { Method } from './transitions.ts'

/** What a run saw on a host, as far as listeners are concerned. */
export interface Observation {
  /** Desired networks that are not right. */
  readonly findings: readonly Exception[]
  /** What the driver judged of each traffic label; absent where it does not. */
  readonly readiness?: readonly Exception[]
}

export interface Listener {
  readonly raises: readonly Method[]
  readonly findings: (methods: readonly Method[], observation: Observation) => readonly Exception[]
}

const persistentNetworks: Listener = {
  raises: ['hostAdded', 'hostConnect', 'hostEnabled'],
  findings: (_methods, { findings }) => findings,
}

const hostReadiness: Listener = {
  raises: ['hostAdded', 'hostConnect'],
  findings: (methods, { readiness = [] }) => (hears(hostReadiness, methods) ? readiness : []),
}

const entries = { persistentNetworks, hostReadiness } as const satisfies Record<string, Listener>

export type ListenerName = keyof typeof entries

export const listeners: Readonly<Record<ListenerName, Listener>> = entries

const hears = ({ raises }: Listener, methods: readonly Method[]): boolean =>
  methods.some((method) => raises.includes(method))

/** Whether any listener wants the host to be looked at: then its `wanted` is raised, once. */
export const raisesWanted = (methods: readonly Method[]): boolean =>
  Object.values(entries).some((listener) => hears(listener, methods))

/** Whether this listener hears any of these transitions. */
export const listens = (name: ListenerName, methods: readonly Method[]): boolean => hears(entries[name], methods)

/** What each listener finds after these transitions; a listener that finds nothing has an empty list. */
export const findingsOf = (
  methods: readonly Method[],
  observation: Observation,
): Readonly<Record<ListenerName, readonly Exception[]>> => ({
  persistentNetworks: persistentNetworks.findings(methods, observation),
  hostReadiness: hostReadiness.findings(methods, observation),
})

/** A record's `edge` (`hostAdded+hostConnect`) as methods; whatever else raised it, such as a backfill, names none. */
export const methodsOf = (edge: string | undefined): readonly Method[] =>
  (edge ?? '').split('+').filter((name): name is Method => methodNames.has(name))

const methodNames: ReadonlySet<string> = new Set<Method>([
  'hostAdded',
  'hostConnect',
  'hostEnabled',
  'hostDisconnected',
  'hostAboutToBeRemoved',
  'hostRemoved',
])
