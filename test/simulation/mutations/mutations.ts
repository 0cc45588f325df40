/**
 * Known bugs, each as the smallest change of the product's own source that plants it. In: nothing. Out: by name, the
 * file, what is replaced by what, and what goes wrong. A change whose text is no longer there once is an error (plant.ts):
 * whoever changes such a line moves the bug along.
 */

export interface Mutation {
  readonly name: string
  /** What the product would do. */
  readonly told: string
  readonly changes: readonly Change[]
}

export interface Change {
  /** Seen from the project's folder. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

const one = (name: string, told: string, file: string, find: string, replace: string): Mutation => ({
  name,
  told,
  changes: [{ file, find, replace }],
})

export const mutations: readonly Mutation[] = [
  {
    name: 'records-read-before-listing',
    told: 'a snapshot reads the records before it lists hosts',
    changes: [
      {
        file: 'shared/flow/observe.ts',
        find: '  const hosts = await cloudstack.listHosts()\n',
        replace:
          '  const early = (await parallel(control.zones, (zone) => readHosts(ports.store, policy.cloud, zone.id))).flat()\n' +
          '  const hosts = await cloudstack.listHosts()\n',
      },
      {
        file: 'shared/flow/observe.ts',
        find: 'const before = (await parallel([...zones], (zone) => readHosts(ports.store, policy.cloud, zone))).flat()',
        replace: 'const before = zones.size > 0 ? early : []',
      },
    ],
  },
  one(
    'written-between',
    'a snapshot writes over what a late one wrote since it read',
    'shared/flow/observe.ts',
    'state(cloud, host, tick, edge, ports.now(), record?.tick ?? 0)',
    'state(cloud, host, tick, edge, ports.now(), record === undefined ? 0 : tick)',
  ),
  one(
    'settled-kept-by-acquire',
    'a run that begins leaves the host settled as it was',
    'shared/store/writes.ts',
    "  remove: ['settled'],",
    '  remove: [],',
  ),
  one(
    'lost-counter',
    'the edge is not added in the write that stores its state',
    'shared/store/writes.ts',
    '...(edge === undefined ? {} : { add: { wanted: 1 } }),',
    '',
  ),
  one(
    'done-from-wanted',
    'a report takes done from what is wanted by then',
    'shared/store/writes.ts',
    "copy: { done: 'tried' },",
    "copy: { done: 'wanted' },",
  ),
  one(
    'done-moved-on-failure',
    'a run that failed moves done too',
    'shared/store/writes.ts',
    "  remove: ['runId', 'runUntil', ...(unreached === undefined ? unreachedAttributes : [])],\n",
    "  remove: ['runId', 'runUntil', ...(unreached === undefined ? unreachedAttributes : [])],\n  copy: { done: 'tried' },\n",
  ),
  {
    name: 'report-without-run-id',
    told: 'a report is taken from whichever run writes it',
    changes: [
      {
        file: 'shared/store/writes.ts',
        find: "    ],\n    when: equals('runId', runId),\n",
        replace: "    ],\n    when: { present: 'tick' },\n",
      },
      {
        file: 'shared/store/writes.ts',
        find: "(unreached === undefined ? unreachedAttributes : [])],\n  when: equals('runId', runId),\n",
        replace:
          "(unreached === undefined ? unreachedAttributes : [])],\n  when: runId === '' ? { absent: 'tick' } : { present: 'tick' },\n",
      },
    ],
  },
  one(
    'no-outstanding-until',
    'a mark does not say until when its job counts as outstanding',
    'shared/store/writes.ts',
    'set: { queued: tick, queuedWhy: why, outstandingUntil, ',
    'set: { queued: tick, queuedWhy: why, outstandingUntil: outstandingUntil > 0 ? undefined : 0, ',
  ),
  one(
    'deduplication-without-tick',
    'two jobs of one host within five minutes have one deduplication id',
    'shared/flow/diff.ts',
    ['deduplication: `$', '{record.id}-$', '{tick}`'].join(''),
    ['deduplication: `$', '{record.id}`'].join(''),
  ),
  one(
    'partial-pages-believed',
    'a listing whose pages do not add up is taken for complete',
    'shared/cloudstack/paging.ts',
    'if (!steady) continue',
    'if (!steady) return [...byId.values()]',
  ),
  one(
    'kick-ignored-by-release',
    'a snapshot releases its lease although somebody kicked',
    'shared/flow/snapshot.ts',
    'if (left <= 1) {',
    'if (left <= rounds) {',
  ),
  one(
    'zone-filter-dropped',
    'every zone gets the networks of all (upstream #12718)',
    'shared/reconcile/desired.ts',
    'placed.filter(({ network }) => network.zone === zone)',
    'placed.filter(({ network }) => network.zone === zone || zone !== undefined)',
  ),
  one(
    'backoff-not-overridden',
    'an edge waits for the end of a backoff',
    'shared/reconcile/due.ts',
    'if (backsOff && record.wanted <= record.tried) return undefined',
    'if (backsOff) return undefined',
  ),
  one(
    'removal-without-listing',
    'a pair is removed without asking who else uses its tag (condition c)',
    'shared/reconcile/removal.ts',
    'evidence.listed.find((network) => network.broadcastUri === tombstone.uri)',
    'evidence.listed.find((network) => network.broadcastUri === tombstone.uri && network.id === tombstone.uri)',
  ),
  one(
    'refusal-counts-on',
    'absentees are counted on, whatever a snapshot that failed in between saw',
    'shared/flow/observe.ts',
    '  if (judged === tick - 1) return refusals\n',
    '  if (judged !== -1) return refusals\n',
  ),
  one(
    'late-mark-shortens',
    'a mark that comes late shortens what was marked since of the same tick',
    'shared/store/writes.ts',
    "absentOr('outstandingUntil', '<=', until)",
    "{ present: until > 0 ? 'queued' : 'tick' }",
  ),
  one(
    'pause-ignored-by-run',
    'a job that was queued before a pause is run in it',
    'shared/flow/provision.ts',
    '  if (pause !== undefined) {\n    await ports.store.update(putJobBack(',
    '  if (pause !== undefined && job.tick < 0) {\n    await ports.store.update(putJobBack(',
  ),
  {
    name: 'pause-ignored-by-diff',
    told: 'a paused zone is served as any other',
    changes: [
      {
        file: 'shared/flow/snapshot.ts',
        find: 'if ((await readPauseOf(ports.store, cloud, zone)) !== undefined) continue',
        replace: 'await readPauseOf(ports.store, cloud, zone)',
      },
      {
        file: 'shared/flow/diff.ts',
        find: 'if (pause !== undefined) {',
        replace: 'if (pause !== undefined && tick < 0) {',
      },
    ],
  },
  one(
    'hold-ignored',
    'what is held is rolled out all the same',
    'shared/flow/diff.ts',
    'select(decided.candidates, policy, tick, now)',
    'select(all, policy, tick, now)',
  ),
  one(
    'probe-each-tick',
    'a held cause gets a probe whenever diff looks',
    'shared/reconcile/holds.ts',
    'now - (hold.probedAt ?? hold.since) < policy.probeMilliseconds',
    'now - (hold.probedAt ?? hold.since) < policy.probeMilliseconds / 4',
  ),
  one(
    'verify-cap-dropped',
    'every verification that is due begins at once',
    'shared/reconcile/select.ts',
    "if (why === 'verify' && verifications-- <= 0) continue",
    "if (why === 'verify' && verifications-- < -1_000) continue",
  ),
  one(
    'revision-in-force-swept',
    'housekeeping sweeps a revision that expired although its pointer names it',
    'shared/flow/housekeeping.ts',
    'return unknown || current === revision ? undefined : when',
    'return unknown ? undefined : when',
  ),
  one(
    'swept-too-early',
    'housekeeping sweeps what expires within 40 days',
    'shared/flow/housekeeping.ts',
    'const seconds = Math.floor(now / 1000)',
    'const seconds = Math.floor(now / 1000) + 40 * 86_400',
  ),
  one(
    'newer-item-overwritten',
    'a write does not ask which version wrote its item',
    'shared/store/notNewer.ts',
    'value: itemVersion }',
    'value: itemVersion + 1 }',
  ),
  {
    name: 'newer-message-obeyed',
    told: 'a message of a newer version is read as one of this version',
    changes: [
      {
        file: 'shared/runtime/lambda.ts',
        find: 'if (delivered.version > messageVersion)',
        replace: 'if (delivered.version > messageVersion + 1)',
      },
      {
        file: 'shared/queue/queues.ts',
        find: 'const version = z.literal(messageVersion)',
        replace: 'const version = z.literal([messageVersion, messageVersion + 1])',
      },
    ],
  },
  one(
    'requests-not-paid',
    'a payment for requests to CloudStack is not written back',
    'shared/reconcile/rate.ts',
    'cost: Math.ceil(requests * policy.interval)',
    'cost: 0',
  ),
  one(
    'paid-by-an-old-reading',
    'a payment counts from the time stamp that was read, whatever others paid since',
    'shared/store/gateWrites.ts',
    "how === 'now' ? unpaid : { all: [paidUntil('>', now), paidUntil('<=', until)] }",
    "how === 'now' ? { any: [unpaid, paidUntil('>', now)] } : { all: [paidUntil('>', now), paidUntil('<=', until)] }",
  ),
  one(
    'fallback-moves-done',
    'a request that CloudStack took counts as a run of the host’s own driver',
    'shared/store/writes.ts',
    "copy: { requestDone: 'requestTried' },",
    "copy: { requestDone: 'requestTried', done: 'requestTried' },",
  ),
  one(
    'fallback-takes-the-edge',
    'a fall-back’s run counts as tried by the host’s own driver, which then waits for its backoff',
    'shared/store/writes.ts',
    "copy: { requestTried: 'wanted' },",
    "copy: { requestTried: 'wanted', tried: 'wanted' },",
  ),
  one(
    'fallback-first',
    'a host that is due for both drivers goes to the one that it falls back to',
    'shared/reconcile/select.ts',
    'const why = own ?? fallback',
    'const why = fallback ?? own',
  ),
  one(
    'fallback-from-any-failure',
    'whatever a host’s own driver fails from, CloudStack is asked instead',
    'shared/flow/provision.ts',
    'reasons[result.reason].unreached ? chainOf(policy, record) : undefined',
    'reasons[result.reason].retry ? chainOf(policy, record) : undefined',
  ),
]
