/**
 * Proof "silence": networks are made while everything that leaves the host's uplink is captured outside of the host. In: how
 * many networks of each kind. Out: the IPv6 frames among them, which must be none; then a device made `up`, as the quick recipes
 * do, one of each kind: that its frames are seen shows that the capture would have seen ours.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { BedHost } from '../../infra/local/bed/bed.ts'
import { network } from '../hypervisors/kvm/factory.ts'
import { type Capture, capture } from './capture.ts'
import { type Ipv6Frame, ipv6In } from './frames.ts'
import { vlanNetwork, vxlanNetwork, wrongWith } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { type ProofHost, withHosts } from './proofHost.ts'
import { settled } from './settled.ts'

export const silence: Proof = {
  name: 'silence',
  says: 'no IPv6 frame leaves the uplink; a round is one VLAN and one VXLAN network, made a hundred at a time',
  rounds: 400,
  prove: (options) => withHosts('uml', [{ name: 'kvm-1', memory: 512 }], ({ first }) => prove(first, options)),
}

/** The label's bridge has an address, as VXLAN needs; and nothing but what is made here has IPv6. */
const quiet =
  'for device in eth1 cloudbr1; do echo 1 >/proc/sys/net/ipv6/conf/$device/disable_ipv6; done;' +
  'ip addr add 192.168.9.1/24 dev cloudbr1'
/** The MAC addresses of devices made `up`. */
const controls = { vlan: '02cc00000001', vxlan: '02cc00000002' } as const
const leak =
  'ip link add link eth1 name controlvlan address 02:cc:00:00:00:01 type vlan id 4000 && ip link set controlvlan up &&' +
  'ip link add controlvxlan address 02:cc:00:00:00:02 type vxlan id 99 group 239.0.0.99 ttl 10 dev cloudbr1 dstport 0 &&' +
  'ip route add 239.0.0.99 dev cloudbr1 && ip link set controlvxlan up'

const atOnce = 100

async function prove(proofHost: ProofHost, options: ProofOptions): Promise<Figures> {
  const { host } = proofHost
  await host.exec(quiet)
  const captured = await capture(host.wire('eth1'))
  try {
    return await create(proofHost, captured, options)
  } finally {
    await captured.stop()
  }
}

async function create(
  proofHost: ProofHost,
  captured: Capture,
  { rounds, seed, progress }: ProofOptions,
): Promise<Figures> {
  const wrong: string[] = []
  const made = Array.from({ length: rounds }, (_, at) => [vlanNetwork(1000 + at), vxlanNetwork(70_000 + at)]).flat()
  for (let from = 0; from < made.length; from += 2 * atOnce) {
    const { verdict } = await proofHost.run(made.slice(0, from + 2 * atOnce).map(({ uri }) => network(uri)))
    if (verdict !== 'InSync') wrong.push(`the run that makes networks ended as ${verdict}`)
    progress(`${Math.min(made.length, from + 2 * atOnce)} of ${made.length} networks, ${captured.frames.length} frames`)
  }
  const state = await settled(proofHost.host)
  wrong.push(...made.flatMap((one) => wrongWith(one, state)))
  const counts = await told(proofHost.host, captured, wrong)
  return { proof: 'silence', kernel: 'uml', seed, counts: { networks: made.length, ...counts }, wrong }
}

/**
 * The second router solicitation of a device comes four seconds after its first: once both controls have sent theirs, ours
 * would have as well.
 */
async function told(host: BedHost, captured: Capture, wrong: string[]) {
  await host.exec(leak)
  const found = () => captured.frames.map((frame) => ipv6In(frame)).filter((frame) => frame !== null)
  const solicited = (source: string): number => found().filter((frame) => isSolicitation(frame, source)).length
  for (const end = Date.now() + 60_000; solicited(controls.vlan) < 2 || solicited(controls.vxlan) < 2; ) {
    if (Date.now() > end) throw new Error('the frames of the devices made up were not captured: nothing is proven')
    await delay(50)
  }
  const dropped = await captured.stop()
  if (dropped > 0) wrong.push(`the kernel dropped ${dropped} frames of the capture`)
  const sources = new Set<string>(Object.values(controls))
  const ours = found().filter(({ source }) => !sources.has(source))
  wrong.push(...ours.map(({ source, inside }) => `an IPv6 frame of ${source} left the uplink in ${inside}`))
  return { frames: captured.frames.length, ipv6OfOurs: ours.length, ipv6OfControls: found().length - ours.length }
}

const isSolicitation = (frame: Ipv6Frame, source: string): boolean =>
  frame.isRouterSolicitation && frame.source === source
