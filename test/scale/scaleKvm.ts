/**
 * Very many networks on one real host, by the driver's whole run (open, look, apply, look, close), verified a second time by
 * the kernel's own files. In: which kind, how many. Out: what came of it, step by step; a step that does not hold says so.
 */
import { run } from '../../shared/hypervisors/run.ts'
import { desiredOf, idsOf, type Kind, type KvmHost, standing, withKvmHost } from '../bench/kvmHost.ts'
import { rounded } from '../bench/measurement.ts'
import { targetOf } from '../hypervisors/kvm/factory.ts'

export interface Step {
  readonly step: string
  readonly kind: Kind
  /** What the host was. */
  readonly bed: 'uml' | 'netns'
  readonly networks: number
  readonly verdict: string
  /** By the driver's last look. */
  readonly devices: number
  readonly created: number
  /** By the kernel's files: devices in their bridges, all up and without IPv6. */
  readonly pairs: number
  readonly seconds: number
  /** What the operator is told to set, with the value; empty when nothing. */
  readonly settings: readonly string[]
  /** What is not as it should be; empty when all is. */
  readonly wrong: readonly string[]
}

interface Expected {
  readonly pairs: number
  readonly created: number
  /** How many networks are refused, each of them naming the setting to raise. */
  readonly refused: number
}

/** VLAN: made, and found right by a second run. */
export function scaleVlan(networks: number, done: (step: Step) => void): Promise<void> {
  return withKvmHost('vlan', async (host) => {
    done(await step(host, 'create', networks, { pairs: networks, created: 2 * networks, refused: 0 }))
    done(await step(host, 'again', networks, { pairs: networks, created: 0, refused: 0 }))
  })
}

/** The kernel's own limit for the groups that one socket joins, where nobody raised it. */
const unraised = 20

/** VXLAN: with the limits that a kernel has by itself; then with the settings as the findings say; then a second run. */
export function scaleVxlan(networks: number, done: (step: Step) => void): Promise<void> {
  return withKvmHost('vxlan', async (host) => {
    await host.host.exec(`sysctl -q -w net.ipv4.igmp_max_memberships=${unraised}`)
    const expected = { pairs: unraised, created: 2 * unraised, refused: networks - unraised }
    const first = await step(host, 'limits not raised', networks, expected)
    done(first)
    // As an operator would: nothing but what the findings say.
    for (const setting of first.settings) await host.host.exec(`sysctl -q -w ${setting}`)
    const rest = { pairs: networks, created: 2 * (networks - unraised), refused: 0 }
    done(await step(host, 'limits raised', networks, rest))
    done(await step(host, 'again', networks, { pairs: networks, created: 0, refused: 0 }))
  })
}

async function step(host: KvmHost, name: string, networks: number, expected: Expected): Promise<Step> {
  const { kind, bed, driver } = host
  const ids = idsOf(kind, networks)
  const desired = { networks: desiredOf(kind, ids), labels: [] }
  const begun = performance.now()
  const outcome = await run(driver, targetOf(host.host), desired, 'apply', new AbortController().signal)
  const seconds = rounded((performance.now() - begun) / 1000)
  const { verdict, devices, created, findings } = outcome
  const { pairs, others } = await standing(host)
  const routes = Number(await host.host.exec('ip -4 route show root 239.0.0.0/8 | wc -l'))
  const settings = settingsOf(findings.map(({ detail }) => detail))
  const refused = findings.filter(({ reason, detail }) => reason === 'KernelLimit' && settingsOf([detail]).length > 0)
  // The networks that come first are the ones that are made.
  const last = desired.networks.slice(networks - expected.refused).map(({ uri }) => uri)
  const checks: readonly (readonly [string, boolean])[] = [
    [`verdict ${verdict}`, verdict === (expected.refused === 0 ? 'InSync' : 'OutOfSync')],
    [`${devices} devices by the driver, ${2 * expected.pairs} expected`, devices === 2 * expected.pairs],
    [`${created} created, ${expected.created} expected`, created === expected.created],
    [`${pairs} pairs by the kernel, ${expected.pairs} expected`, pairs === expected.pairs],
    [`${others} devices that are not right`, others === 0],
    [
      `${findings.length - refused.length} findings of another kind: ${findings[0]?.detail}`,
      findings.length === refused.length,
    ],
    [
      `${refused.length} networks refused, not the last ${expected.refused}`,
      same(
        refused.map(({ uri }) => uri),
        last,
      ),
    ],
    [`${routes} routes to multicast groups`, routes === (kind === 'vxlan' ? expected.pairs : 0)],
  ]
  const wrong = checks.filter(([, holds]) => !holds).map(([words]) => words)
  return { step: name, kind, bed, networks, verdict, devices, created, pairs, seconds, settings, wrong }
}

const same = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && new Set([...some, ...others]).size === some.length

/** `net.ipv4.igmp_max_memberships=1000` for each setting that a finding tells to raise, with its greatest value. */
function settingsOf(details: readonly string[]): readonly string[] {
  const values = new Map<string, number>()
  for (const detail of details)
    for (const [, sysctl = '', value] of detail.matchAll(/(net\.[a-z0-9_.]+) is \d+, [^;]*?set it to (\d+) or more/g))
      values.set(sysctl, Math.max(values.get(sysctl) ?? 0, Number(value)))
  return [...values].map(([sysctl, value]) => `${sysctl}=${value}`)
}
