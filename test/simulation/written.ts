/**
 * Scenarios written down, for bugs that chance hardly reaches. In: a name, or a seed. Out: the scenario. The product must
 * come through each of them; the planted bug of the same name must not.
 */
import { chained, type Scenario, scenarioOf } from './scenario.ts'

const minute = 60_000
const cloud = 'alpha'

const oneHost: Omit<Scenario, 'seed' | 'incidents'> = {
  zombies: true,
  skew: 0,
  quietAt: 12 * minute,
  ending: 'edges',
  settings: {},
  clouds: [
    {
      name: cloud,
      zones: ['zone-1'],
      physicalNetworks: [{ id: 'physical-zone-1', zone: 'zone-1', label: 'cloudbr1' }],
      hosts: [{ id: 'h11', zone: 'zone-1', cluster: 'cluster-1a', hypervisor: 'KVM' }],
      networks: [
        { id: 'n100', zone: 'zone-1', physicalNetwork: 'physical-zone-1', vlan: 100, project: false, persistent: true },
      ],
    },
  ],
}

const written: readonly Scenario[] = [
  {
    ...oneHost,
    // A snapshot that saw the host Up is frozen before it writes so, and wakes when its lease is long over and the next
    // one, which sees the host Alert, has begun. Whoever read the record before that write believes it is Alert already.
    seed: 'records-read-before-listing',
    incidents: [
      { at: 4 * minute, until: 5.5 * minute, cloud, what: 'disconnect', host: 'h11' },
      {
        at: 5.8 * minute,
        cloud,
        what: 'freeze',
        function: 'snapshot',
        step: 6,
        when: 'before',
        milliseconds: 187_000,
      },
      { at: 8.5 * minute, until: 9.7 * minute, cloud, what: 'disconnect', host: 'h11' },
      { at: 8.6 * minute, until: 9.6 * minute, cloud, what: 'CloudStack', how: 'slow' },
    ],
  },
  {
    ...oneHost,
    // The frozen snapshot saw the host Alert, and writes so between the next one's reading and writing of the record. The
    // next one has nothing but a maintenance to write: were it to write it over the Alert, nobody would know of the reboot.
    seed: 'written-between',
    incidents: [
      { at: 5.5 * minute, cloud, what: 'reboot', host: 'h11', seconds: 60, seen: true },
      { at: 5.8 * minute, cloud, what: 'freeze', function: 'snapshot', step: 6, when: 'before', milliseconds: 187_000 },
      { at: 8.5 * minute, until: 9.7 * minute, cloud, what: 'Maintenance', host: 'h11' },
      { at: 8.8 * minute, cloud, what: 'freeze', function: 'snapshot', step: 6, when: 'before', milliseconds: 15_000 },
    ],
  },
  {
    ...oneHost,
    // A diff that read its clock is frozen for longer than its message waits: the next delivery of the same tick marks and
    // sends, and the run that begins is killed. Then the first one wakes and marks by its old clock.
    seed: 'late-mark-shortens',
    incidents: [
      { at: 3.9 * minute, cloud, what: 'freeze', function: 'diff', step: 6, when: 'before', milliseconds: 129_000 },
      { at: 4 * minute, cloud, what: 'backfill', chosen: {} },
      { at: 4.1 * minute, cloud, what: 'kill', function: 'provisionKvm', step: 3, when: 'after' },
    ],
  },
  {
    ...oneHost,
    // The job is on its way when an operator pauses.
    seed: 'pause-ignored-by-run',
    incidents: [
      { at: 3.9 * minute, cloud, what: 'delay', queue: 'provisionKvm', milliseconds: 60_000 },
      { at: 4 * minute, cloud, what: 'backfill', chosen: {} },
      { at: 4.3 * minute, until: 8 * minute, cloud, what: 'pause', zone: 'zone-1' },
    ],
  },
  {
    ...oneHost,
    // Three listings lack the host; the fourth has it, and its snapshot fails before it can say so. Two minutes later the
    // listings are empty again: nobody has seen the host missing for five minutes.
    seed: 'refusal-counts-on',
    incidents: [
      { at: 2.2 * minute, until: 5.7 * minute, cloud, what: 'CloudStack', how: 'empty' },
      { at: 5.75 * minute, cloud, what: 'backfill', chosen: {} },
      { at: 5.72 * minute, until: 6.5 * minute, cloud, what: 'queues out', how: 'takes nothing' },
      { at: 6.9 * minute, until: 9.7 * minute, cloud, what: 'CloudStack', how: 'empty' },
    ],
  },
  {
    ...oneHost,
    // The host is reached, and its run hangs until it ends itself: nothing says that CloudStack would do better.
    seed: 'fallback-from-any-failure',
    settings: { BRIDGEKEEPER_DRIVERS: chained },
    incidents: [
      {
        at: 3.9 * minute,
        cloud,
        what: 'freeze',
        function: 'provisionKvm',
        step: 6,
        when: 'after',
        milliseconds: 292_000,
      },
      { at: 4 * minute, cloud, what: 'backfill', chosen: {} },
    ],
  },
  {
    ...oneHost,
    // An edge comes between the failure of the host's own driver and the run of its fall-back; by then SSH answers again.
    seed: 'fallback-takes-the-edge',
    settings: { BRIDGEKEEPER_DRIVERS: chained },
    incidents: [
      { at: 3.5 * minute, until: 5.2 * minute, cloud, what: 'unreachable', host: 'h11' },
      { at: 3.6 * minute, cloud, what: 'delay', queue: 'provisionCloudstack', milliseconds: 60_000 },
      { at: 3.7 * minute, cloud, what: 'backfill', chosen: {} },
      { at: 4.6 * minute, cloud, what: 'backfill', chosen: {} },
    ],
  },
]

export const writtenNames: readonly string[] = written.map(({ seed }) => seed)

export const scenarioNamed = (name: string): Scenario => written.find(({ seed }) => seed === name) ?? scenarioOf(name)
