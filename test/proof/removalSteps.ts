/**
 * What becomes of a pair when its removal is killed at a given step, or somebody comes at that step, each as one story. In: a
 * host, a pair, the step. Out: what is not as it must be. Proof "steps" tells every story at every step; the tests tell some.
 */
import type { BedHost } from '../../infra/local/bed/bed.ts'
import type { Removal, Session } from '../../shared/hypervisors/driver.ts'
import { readRemoval, removalInput } from '../../shared/hypervisors/kvm/removal.ts'
import {
  type RemovalStep,
  removalCommand,
  removalSteps,
  stepLine,
} from '../../shared/hypervisors/kvm/removalCommand.ts'
import { network } from '../hypervisors/kvm/factory.ts'
import { type KernelState, readState, stateCommand } from './kernelState.ts'
import { groupOf, linkLine, type ProofNetwork, wrongWith } from './pairState.ts'
import { scriptLine } from './scriptLine.ts'

export interface Story {
  readonly says: string
  readonly steps: readonly RemovalStep[]
  /** VXLAN's script and its removal hold one lock, so the former waits until the latter is over. */
  readonly kinds: readonly ProofNetwork['kind'][]
  /** The pair is there, and right. */
  tell(host: BedHost, session: Session, pair: ProofNetwork, step: RemovalStep): Promise<readonly string[]>
}

const tap = 'vnet7'
const killed = 'kill -9 $$'
const both = ['vlan', 'vxlan'] as const

export const stories = {
  finished: {
    says: 'killed, and finished by the next removal',
    steps: removalSteps,
    kinds: both,
    async tell(host, session, pair, step) {
      await removeWith(host, pair, step, killed)
      const orphan = (await session.look([])).orphans?.find(({ uri }) => uri === pair.uri)
      const removal = orphan && (await session.remove?.(orphan, Date.now() + 30_000))
      const left = leftOf(await look(host))
      if (orphan === undefined && step !== 'gone') return ['nothing is seen of it']
      if (removal !== undefined && !('removed' in removal)) return [`kept: ${removal.kept}`]
      return left.map((name) => `${name} is left`)
    },
  },
  cutOff: {
    says: 'killed with somebody on it, and put back by the next look',
    steps: ['down', 'bridgeAside', 'deviceDown', 'aside', 'judged'],
    kinds: both,
    async tell(host, session, pair, step) {
      const attach = [pair.bridge, aside(pair)].map((bridge) => `ip link set dev ${tap} master ${bridge} 2>/dev/null`)
      await removeWith(host, pair, step, `${attach.join('; ')}; ${killed}`)
      await (await session.look([])).apply()
      const { changes } = await session.look([])
      return [...changes.map(({ steps }) => `still to do: ${steps.join(', ')}`), ...lacking(await look(host), pair)]
    },
  },
  desiredAgain: {
    says: 'killed, and its network desired again',
    steps: removalSteps.slice(1, -1),
    kinds: both,
    async tell(host, session, pair, step) {
      await removeWith(host, pair, step, killed)
      const desired = [network(pair.uri)]
      await (await session.look(desired)).apply()
      const { changes, findings, orphans = [] } = await session.look(desired)
      const more = [...changes, ...findings, ...orphans].map((one) => JSON.stringify(one))
      return [...more, ...wrongWith(pair, await look(host))]
    },
  },
  vmStarts: {
    says: 'a VM starts by CloudStack’s script: it has its network, or fails loudly',
    steps: removalSteps,
    kinds: ['vlan'],
    async tell(host, _session, pair, step) {
      const start = `${scriptLine(pair, 'add')} >/dev/null 2>&1 && ip link set dev ${tap} master ${pair.bridge} && : >/run/started`
      await host.exec('rm -f /run/started')
      await removeWith(host, pair, step, start)
      const started = (await host.exec('ls /run')).split('\n').includes('started')
      const mustStart = step === 'checked' || step === 'down' || step === 'gone'
      if (!started) return mustStart ? ['its start failed, though nobody was in its way'] : []
      return lacking(await look(host), pair)
    },
  },
} as const satisfies Record<string, Story>

/** The fixed command with something in the place of one of its steps, which do nothing: a kill, or an adversary. */
export async function removeWith(
  host: BedHost,
  pair: ProofNetwork,
  step: RemovalStep,
  inserted: string,
): Promise<Removal> {
  const orphan = { uri: pair.uri, uplink: pair.uplink, devices: [], physicalNetworks: [] }
  const input = removalInput(orphan, 4814, 1_000_000_000) ?? ''
  const command = removalCommand.replace(`${stepLine(step)}\n`, () => `${inserted}\n`)
  if (command === removalCommand) throw new Error(`a removal has no step ${step}`)
  const stdout = await host.exec(`(${command}\n) <<'END' 2>/dev/null || true\n${input}END`)
  return readRemoval({ stdout, stderr: '' })
}

/** Only on a throw-away bed: whatever a story left goes; the pair is made anew, by hand, with a tap beside it. Few processes. */
export async function makeAnew(host: BedHost, pair: ProofNetwork): Promise<void> {
  const { kind, id, uplink, device, bridge } = pair
  await host.exec(
    `cd /sys/class/net; for old in vnet* *100 *70000; do [ ! -e $old ] || echo link del dev $old; done | ip -force -batch - 2>/dev/null;
ip -batch - <<'END' &&
link add name ${bridge} group 4814 type bridge
${linkLine(pair, device, `group 4814 master ${bridge}`)}
tuntap add dev ${tap} mode tap
link set dev ${tap} up
END
echo 1 >/proc/sys/net/ipv6/conf/${device}/disable_ipv6 && echo 1 >/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6 &&
ip -force -batch - <<'END' 2>/dev/null || true
link set dev ${bridge} up
link set dev ${device} up
${kind === 'vlan' ? '' : `route add ${groupOf(id)} dev ${uplink} proto 148`}
END`,
  )
}

const look = async (host: BedHost): Promise<KernelState> => readState(await host.exec(stateCommand))

const leftOf = ({ links }: KernelState): readonly string[] =>
  [...links.keys()].filter((name) => /100$|70000$/.test(name))

/** What somebody on the pair's bridge lacks. */
function lacking(state: KernelState, pair: ProofNetwork): readonly string[] {
  const master = state.links.get(tap)?.master
  return [...(master === pair.bridge ? [] : [`${tap} is in ${master ?? 'no bridge'}`]), ...wrongWith(pair, state)]
}

const aside = ({ bridge }: ProofNetwork): string => bridge.replace(/^br/, 'bk')
