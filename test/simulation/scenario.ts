/**
 * One simulation as data: which clouds there are, and everything that happens to them. In: a seed. Out: a scenario; the
 * same seed gives the same one. Incidents end at `quietAt`; what must be true after that depends on `ending`.
 */
import type { Selection } from '../../shared/flow/backfill.ts'
import { badAnswers, type FunctionName, type Incident, newerItems, queueOutages, storeOutages } from './incident.ts'
import type { Network, PhysicalNetwork } from './management.ts'
import { createRandom, type Random } from './random.ts'

export interface HostPlace {
  readonly id: string
  readonly zone: string
  readonly cluster: string
  readonly hypervisor: string
}

export interface CloudScenario {
  readonly name: string
  readonly zones: readonly string[]
  readonly physicalNetworks: readonly PhysicalNetwork[]
  readonly hosts: readonly HostPlace[]
  readonly networks: readonly Network[]
}

export interface Scenario {
  readonly seed: string
  /** True: a call that ran out of time goes on, as in one process; false: it is ended, as on Lambda. */
  readonly zombies: boolean
  /** Clocks of two calls differ by up to twice this, in milliseconds. */
  readonly skew: number
  readonly quietAt: number
  /**
   * `edges`: every host reboots twice in the quiet, and each edge must be served at once, whatever backs off.
   * `level`: nothing happens any more, and whatever was lost without a trace must be found within the intervals.
   */
  readonly ending: 'edges' | 'level'
  readonly settings: Readonly<Record<string, string>>
  readonly clouds: readonly CloudScenario[]
  readonly incidents: readonly Incident[]
}

/** As `drivers` of system.ts, with a fall-back for hosts that nobody reaches by SSH. */
export const chained = 'KVM=kvm-ssh|cloudstack,Simulator=cloudstack'

const minute = 60_000
const troubled = 40 * minute

export function scenarioOf(seed: string): Scenario {
  const random = createRandom(`scenario ${seed}`)
  const ending = random.chance(0.7) ? 'edges' : 'level'
  const clouds = [cloudOf('alpha', random.whole(1, 3), random)]
  if (random.chance(0.15)) clouds.push(cloudOf('beta', 1, random))
  const incidents = clouds.flatMap((cloud): Incident[] => [...incidentsOf(cloud, random)])
  const chain = createRandom(`chain ${seed}`)
  const isChained = chain.chance(0.4)
  if (isChained) incidents.push(...clouds.flatMap((cloud) => unreachedIncidents(cloud, chain)))
  return {
    seed,
    zombies: random.chance(0.5),
    skew: random.chance(0.5) ? 0 : 4_000,
    quietAt: troubled + minute,
    ending,
    settings: {
      ...settingsOf(ending, random),
      ...rateOf(createRandom(`rate ${seed}`)),
      ...(isChained ? { BRIDGEKEEPER_DRIVERS: chained } : {}),
    },
    clouds,
    incidents: incidents.sort((one, other) => one.at - other.at),
  }
}

function settingsOf(ending: Scenario['ending'], random: Random): Readonly<Record<string, string>> {
  const intervals =
    ending === 'level'
      ? { BRIDGEKEEPER_BACKOFF_MAX_SECONDS: '600', BRIDGEKEEPER_VERIFY_SECONDS: '900' }
      : { BRIDGEKEEPER_VERIFY_SECONDS: random.chance(0.5) ? '1800' : '600' }
  const removal = { BRIDGEKEEPER_REMOVAL: 'prune', BRIDGEKEEPER_REMOVAL_GRACE_SECONDS: '300' }
  const cap = random.chance(0.4) ? { BRIDGEKEEPER_VERIFY_PER_TICK: '2' } : {}
  return { ...intervals, ...cap, BRIDGEKEEPER_HOLD_PROBE_SECONDS: '120', ...(random.chance(0.6) ? removal : {}) }
}

/** The one that is usual is hardly felt by clouds as small as these. */
const rateOf = (random: Random): Readonly<Record<string, string>> =>
  random.chance(0.4)
    ? {}
    : {
        BRIDGEKEEPER_CLOUDSTACK_RATE: String(random.whole(2, 5)),
        BRIDGEKEEPER_CLOUDSTACK_BURST: String(random.whole(4, 24)),
      }

/** Both clouds name their zones and hosts alike, so that whatever is mixed up shows. VLAN ids belong to one zone each. */
function cloudOf(name: string, zoneCount: number, random: Random): CloudScenario {
  const zones = Array.from({ length: zoneCount }, (_, index) => `zone-${index + 1}`)
  const physicalNetworks = zones.flatMap((zone, index): PhysicalNetwork[] => [
    { id: `physical-${zone}`, zone, label: 'cloudbr1' },
    ...(index === 0 && random.chance(0.4) ? [{ id: `physical-${zone}-b`, zone, label: 'cloudbr0' as const }] : []),
  ])
  const hosts = zones.flatMap((zone, index) => hostsOf(zone, index, random))
  const networks = physicalNetworks.flatMap(({ id, zone }, index) =>
    Array.from({ length: random.whole(1, 3) }, (_, number): Network => {
      const vlan = vlanOf(name, index, number)
      return { id: `n${vlan}`, zone, physicalNetwork: id, vlan, project: random.chance(0.2), persistent: true }
    }),
  )
  return { name, zones, physicalNetworks, hosts, networks }
}

const vlanOf = (cloud: string, physicalNetwork: number, number: number): number =>
  (cloud === 'alpha' ? 100 : 500) + 100 * physicalNetwork + number

function hostsOf(zone: string, index: number, random: Random): readonly HostPlace[] {
  const kvm = index === 0 ? random.whole(3, 9) : random.whole(1, 3)
  const clusters = index === 0 && kvm > 4 && random.chance(0.5) ? 2 : 1
  const hosts = Array.from({ length: kvm }, (_, number) => ({
    id: `h${index + 1}${number + 1}`,
    zone,
    cluster: `cluster-${index + 1}${number % clusters === 0 ? 'a' : 'b'}`,
    hypervisor: 'KVM',
  }))
  const requested = Array.from({ length: random.chance(0.3) ? random.whole(1, 2) : 0 }, (_, number) => ({
    id: `s${index + 1}${number + 1}`,
    zone,
    cluster: `cluster-${index + 1}s`,
    hypervisor: 'Simulator',
  }))
  const nobodys = random.chance(0.1)
    ? [{ id: `v${index + 1}1`, zone, cluster: `cluster-${index + 1}v`, hypervisor: 'VMware' }]
    : []
  return [...hosts, ...requested, ...nobodys]
}

const queueNames = ['snapshot', 'diff', 'provisionKvm', 'provisionCloudstack'] as const
/** Most calls are of the first ones. */
const often: readonly FunctionName[] = [...queueNames, ...queueNames, 'housekeeping', 'operator']

function incidentsOf(cloud: CloudScenario, random: Random): readonly Incident[] {
  let hosts = 0
  let networks = 0
  const one = (): Incident | undefined => {
    const at = random.whole(90_000, troubled)
    const when = { at, cloud: cloud.name }
    const during = (from: number, to: number) => ({ ...when, until: Math.min(troubled, at + random.whole(from, to)) })
    const host = random.pick(cloud.hosts)?.id ?? 'h11'
    const queue = random.pick(queueNames) ?? 'diff'
    const fate = (): { function: FunctionName; step: number; when: 'before' | 'after' } => ({
      function: random.pick(often) ?? 'diff',
      step: random.whole(1, random.chance(0.5) ? 8 : 24),
      when: random.chance(0.5) ? 'before' : 'after',
    })
    const makers: readonly (() => Incident)[] = [
      () => ({ ...when, what: 'kill', ...fate() }),
      () => ({ ...when, what: 'kill', ...fate() }),
      () => ({ ...when, what: 'freeze', ...fate(), milliseconds: random.whole(20_000, 500_000) }),
      () => ({ ...when, what: 'freeze', ...fate(), milliseconds: random.whole(20_000, 500_000) }),
      () => ({ ...when, what: random.chance(0.5) ? 'lose' : 'double', queue }),
      () => ({ ...when, what: 'delay', queue, milliseconds: random.whole(5_000, 500_000) }),
      () => ({ ...when, what: 'purge', queue }),
      () => ({ ...when, what: 'write twice', function: random.pick(often) ?? 'diff', step: random.whole(1, 12) }),
      () => ({ ...during(20_000, 200_000), what: 'store out', how: random.pick(storeOutages) ?? 'throttles' }),
      () => ({ ...during(20_000, 200_000), what: 'queues out', how: random.pick(queueOutages) ?? 'does neither' }),
      () => ({ ...during(30_000, 240_000), what: 'CloudStack', how: random.pick(badAnswers) ?? 'refuses' }),
      () => ({ ...during(30_000, 240_000), what: 'CloudStack', how: random.pick(badAnswers) ?? 'refuses' }),
      () => ({ ...when, what: 'reboot', host, seconds: random.whole(10, 150), seen: random.chance(0.7) }),
      () => ({ ...when, what: 'reboot', host, seconds: random.whole(10, 150), seen: true }),
      () => ({ ...during(30_000, 300_000), what: 'disconnect', host }),
      () => ({ ...during(60_000, 35 * minute), what: 'unreachable', host }),
      () => ({ ...during(60_000, 600_000), what: random.chance(0.5) ? 'Maintenance' : 'Disabled', host }),
      () => ({ ...when, what: 'delete devices', host, share: random.next() }),
      () => ({ ...when, what: 'take a tag', host, share: random.next() }),
      () => ({ ...when, what: 'attach a VM', host, share: random.next(), runs: random.chance(0.5) }),
      () => ({ ...when, what: 'remove host', host }),
      () => addHost(cloud, when, `n${++hosts}`, random),
      () => addNetwork(cloud, when, ++networks, random),
      () => addNetwork(cloud, when, ++networks, random),
      () => ({ ...when, what: 'remove network', network: random.pick(cloud.networks)?.id ?? '' }),
      () => ({ ...when, what: 'backfill', chosen: chosenOf(cloud, random) }),
      () => ({ ...during(60_000, 600_000), what: 'pause', zone: zoneOrAll(cloud, random) }),
      () => ({ ...when, what: 'release', zone: zoneOrAll(cloud, random) }),
      () => ({ ...when, what: 'housekeeping', days: random.chance(0.3) ? 0 : 61 }),
      () => newerItem(cloud, during(30_000, 400_000), random),
      () => ({ ...when, what: 'newer message', queue }),
    ]
    return random.pick(makers)?.()
  }
  const count = random.whole(4, 28)
  const drawn = Array.from({ length: count }, one).filter((incident) => incident !== undefined)
  return [
    ...drawn,
    ...(random.chance(0.3) ? replaced(cloud, random) : []),
    ...(random.chance(0.15) ? [allDisconnected(cloud, random)] : []),
    ...(random.chance(0.2) ? manyUnreachable(cloud, random) : []),
    ...(random.chance(0.2) ? askedInARun(cloud, random) : []),
    ...(random.chance(0.1) ? wronglyReleased(cloud, random) : []),
  ]
}

/** A network goes, and another one gets its tag: the devices of the first are nobody's to remove. */
function replaced({ name: cloud, networks }: CloudScenario, random: Random): readonly Incident[] {
  const first = random.pick(networks)
  if (first === undefined) return []
  const at = random.whole(5 * minute, 25 * minute)
  const later = at + random.whole(30_000, 10 * minute)
  const { id, project: _project, ...place } = first
  const second = { ...place, network: `${id}-next`, persistent: random.chance(0.4), setUp: random.chance(0.3) }
  return [
    { at, cloud, what: 'remove network', network: id },
    { at: later, cloud, what: 'add network', ...second },
  ]
}

/** What one cause makes many hosts of a zone fail from is held; then a network comes that the others are to wait for. */
function manyUnreachable(cloud: CloudScenario, random: Random): readonly Incident[] {
  const at = random.whole(3 * minute, 15 * minute)
  const [zone = 'zone-1'] = cloud.zones
  const until = at + random.whole(8 * minute, 20 * minute)
  const away = cloud.hosts.filter((host) => host.zone === zone && host.hypervisor === 'KVM' && random.chance(0.7))
  const common = { cloud: cloud.name, until: Math.min(troubled, until) }
  return [
    ...away.map(({ id }): Incident => ({ ...common, at, what: 'unreachable', host: id })),
    { at: at + 10_000, cloud: cloud.name, what: 'backfill', chosen: { zone } },
    addNetwork(cloud, { at: at + random.whole(2 * minute, 6 * minute), cloud: cloud.name }, 80, random),
    ...(random.chance(0.4) ? [release(cloud, at + random.whole(3 * minute, 9 * minute), random)] : []),
  ]
}

/**
 * Hosts that SSH does not reach, some of them for ever, while edges and networks come; and the functions that then ask
 * CloudStack instead are killed, frozen, and answered badly.
 */
function unreachedIncidents(cloud: CloudScenario, random: Random): readonly Incident[] {
  const kvm = cloud.hosts.filter(({ hypervisor }) => hypervisor === 'KVM')
  const away = kvm.filter(() => random.chance(0.4)).slice(0, 3)
  const when = () => ({ at: random.whole(2 * minute, 35 * minute), cloud: cloud.name })
  const befalls = (): Incident => {
    const name = random.pick(['provisionCloudstack', 'provisionCloudstack', 'provisionKvm'] as const) ?? 'provisionKvm'
    const fate = { ...when(), function: name, step: random.whole(1, 12), when: 'after' } as const
    return random.chance(0.5)
      ? { ...fate, what: 'kill' }
      : { ...fate, what: 'freeze', milliseconds: random.whole(20_000, 400_000) }
  }
  return [
    ...away.map(({ id: host }): Incident => {
      const begin = when()
      const until = random.chance(0.3) ? forEver : Math.min(troubled, begin.at + random.whole(3 * minute, 20 * minute))
      return { ...begin, until, what: 'unreachable', host }
    }),
    ...away.map(({ id: host }): Incident => ({ ...when(), what: 'backfill', chosen: { host } })),
    ...away.map(({ id: host }): Incident => ({ ...when(), what: 'reboot', host, seconds: 80, seen: true })),
    addNetwork(cloud, when(), 90, random),
    ...Array.from({ length: random.whole(0, 4) }, befalls),
    ...(random.chance(0.3)
      ? [{ ...when(), what: 'delay', queue: 'provisionCloudstack', milliseconds: 200_000 } as const]
      : []),
    ...(random.chance(0.3) ? [{ ...when(), what: 'double', queue: 'provisionCloudstack' } as const] : []),
  ]
}

/** Longer than any simulation. */
const forEver = 24 * 60 * minute

/** An edge comes while a run is under way: that run did not see it. */
function askedInARun({ name: cloud, hosts }: CloudScenario, random: Random): readonly Incident[] {
  const at = random.whole(3 * minute, 30 * minute)
  const { id: host } = random.pick(hosts.filter(({ hypervisor }) => hypervisor === 'KVM')) ?? { id: 'h11' }
  const milliseconds = random.whole(30_000, 120_000)
  const slow = {
    what: 'freeze',
    function: 'provisionKvm',
    step: random.whole(4, 7),
    when: 'after',
    milliseconds,
  } as const
  return [
    { at, cloud, ...slow },
    { at: at + 1_000, cloud, what: 'backfill', chosen: { host } },
    { at: at + random.whole(8_000, 25_000), cloud, what: 'backfill', chosen: { host } },
  ]
}

/** CloudStack's listing is empty, and an operator believes it. */
function wronglyReleased(cloud: CloudScenario, random: Random): readonly Incident[] {
  const at = random.whole(3 * minute, 30 * minute)
  const until = at + random.whole(2 * minute, 4 * minute)
  return [
    { at, until, cloud: cloud.name, what: 'CloudStack', how: 'empty' },
    release(cloud, at + random.whole(65_000, 110_000), random),
  ]
}

const release = (cloud: CloudScenario, at: number, random: Random): Incident => {
  return { at, cloud: cloud.name, what: 'release', zone: random.chance(0.7) ? undefined : zoneOrAll(cloud, random) }
}

const zoneOrAll = ({ zones }: CloudScenario, random: Random): string | undefined =>
  random.chance(0.5) ? undefined : random.pick(zones)

function chosenOf({ hosts }: CloudScenario, random: Random): Selection {
  const { id = 'h11', zone = 'zone-1', cluster = 'cluster-1a' } = random.pick(hosts) ?? {}
  return random.pick<Selection>([{}, { zone }, { cluster }, { host: id }, { zone, cluster, host: id }]) ?? {}
}

function newerItem(
  { hosts }: CloudScenario,
  during: { at: number; until: number; cloud: string },
  random: Random,
): Incident {
  const { id: host = 'h11', zone = 'zone-1' } = random.pick(hosts) ?? {}
  return { ...during, what: 'newer item', item: random.pick(newerItems) ?? 'host', zone, host }
}

/** Ten ticks long. */
function allDisconnected({ name }: CloudScenario, random: Random): Incident {
  const at = random.whole(5 * minute, 25 * minute)
  return { at, until: at + 10 * minute, cloud: name, what: 'all Disconnected' }
}

function addHost(
  { hosts }: CloudScenario,
  when: { at: number; cloud: string },
  host: string,
  random: Random,
): Incident {
  const { zone = 'zone-1', cluster = 'cluster-1a' } = random.pick(hosts.filter((one) => one.hypervisor === 'KVM')) ?? {}
  return { ...when, what: 'add host', host, zone, cluster }
}

function addNetwork(
  { name, physicalNetworks }: CloudScenario,
  when: { at: number; cloud: string },
  number: number,
  random: Random,
): Incident {
  const index = random.whole(0, physicalNetworks.length - 1)
  const { id: physicalNetwork, zone } = physicalNetworks[index] ?? { id: 'physical-zone-1', zone: 'zone-1' }
  const vlan = vlanOf(name, index, 10 + number)
  return {
    ...when,
    what: 'add network',
    network: `n${vlan}`,
    zone,
    physicalNetwork,
    vlan,
    persistent: true,
    setUp: random.chance(0.5),
  }
}
