/**
 * Proof "ping": VMs on two hosts reach each other over networks that Bridgekeeper made on both, a VLAN and a VXLAN for each kind
 * of traffic label. In: how many echoes. Out: how many of each case were answered, which must be all; and that none is once
 * the device below is gone.
 */
import type { HostPlan } from '../../infra/local/bed/bed.ts'
import { network } from '../hypervisors/kvm/factory.ts'
import { type ProofNetwork, vlanNetwork, vxlanNetwork, wrongWith } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { type ProofBed, type ProofHost, withHosts } from './proofHost.ts'
import { settled } from './settled.ts'
import { type Echoes, pingTimes, startVms } from './vm.ts'

export const crossHosts: Proof = {
  name: 'ping',
  says: 'VMs on two hosts reach each other, with the label on an interface, a bridge, a bond; a round is one echo a case',
  rounds: 200,
  prove: (options) => withHosts('uml', [plan('kvm-1'), plan('kvm-2')], (bed) => prove(bed, options)),
}

/** Where a label leads: the uplink of its VLAN devices, and the underlay of its VXLAN devices (FACTS B1). */
interface Label {
  readonly what: string
  readonly label: string
  readonly uplink: string
  readonly underlay: string
}

const labels: readonly Label[] = [
  { what: 'a bridge', label: 'cloudbr1', uplink: 'eth1', underlay: 'cloudbr1' },
  { what: 'a bridge over a bond', label: 'cloudbr2', uplink: 'bond2', underlay: 'cloudbr2' },
  { what: 'an interface', label: 'eth4', uplink: 'eth4', underlay: 'eth4' },
  { what: 'a bond', label: 'bond3', uplink: 'bond3', underlay: 'bond3' },
]

const plan = (name: string): HostPlan => ({
  name,
  uplinks: [
    { bridge: 'cloudbr1', port: 'eth1' },
    { bridge: 'cloudbr2', port: 'bond2', bond: ['eth2', 'eth3'] },
    { bridge: 'without4', port: 'eth4' },
    { bridge: 'without5', port: 'bond3', bond: ['eth5', 'eth6'] },
  ],
})

interface Case {
  readonly what: string
  readonly label: string
  readonly network: ProofNetwork
  /** The VMs' addresses without their last number. */
  readonly subnet: string
  readonly vm: string
}

const cases: readonly Case[] = labels.flatMap(({ what, label, uplink, underlay }, at) =>
  [vlanNetwork(101 + at, uplink), vxlanNetwork(70_001 + at, underlay)].map((one) => ({
    what: `${one.uri}, with the label on ${what}`,
    label,
    network: one,
    subnet: `10.${one.kind === 'vlan' ? 1 : 2}.${at}`,
    vm: `${one.kind}${at}`,
  })),
)

async function prove({ hosts }: ProofBed, { rounds, seed, progress }: ProofOptions): Promise<Figures> {
  const [first, second] = hosts
  if (first === undefined || second === undefined) throw new Error('two hosts are needed')
  const wrong = (await Promise.all([prepare(first, 1), prepare(second, 2)])).flat()
  const echoed = await echo(first, rounds)
  for (const { what, sent, answered } of echoed) {
    if (answered < sent) wrong.push(`${what}: ${answered} of ${sent} echoes were answered`)
    progress(`${what}: ${answered} of ${sent}`)
  }
  await second.host.exec(cases.map(({ network: { device } }) => `ip link del ${device}`).join(' && '))
  const cut = (await echo(first, 3)).filter(({ answered }) => answered > 0)
  wrong.push(...cut.map(({ what }) => `${what}: echoes are answered without its device, so they prove nothing`))
  const echoes = echoed.reduce((sum, { sent }) => sum + sent, 0)
  const lost = echoed.reduce((sum, { sent, answered }) => sum + sent - answered, 0)
  return { proof: 'ping', kernel: 'uml', seed, counts: { cases: cases.length, echoes, lost }, wrong }
}

/** From each VM on one host to its fellow on the other one. @throws Error when none was sent */
const echo = ({ host }: ProofHost, times: number): Promise<readonly (Echoes & Pick<Case, 'what'>)[]> =>
  Promise.all(
    cases.map(async ({ what, subnet, vm }) => {
      const [echoes] = await pingTimes(host, [`${subnet}.2`], times, vm)
      if (echoes?.sent !== times) throw new Error(`${what}: not ${times} echoes were sent`)
      return { ...echoes, what }
    }),
  )

/** Labels without a bridge, underlays with an address; the networks, by one run; a VM on each. */
async function prepare(proofHost: ProofHost, number: number): Promise<readonly string[]> {
  const { host } = proofHost
  const addresses = labels.map(({ underlay }, at) => `ip addr add 172.16.${at}.${number}/24 dev ${underlay}`)
  await host.exec(['ip link del without4', 'ip link del without5', ...addresses].join(' && '))
  const { verdict, findings } = await proofHost.run(
    cases.map(({ label, network: { uri } }) => network(uri, label, label)),
  )
  const state = await settled(host)
  const vms = cases.map(({ vm, subnet, network: { bridge } }) => ({
    name: vm,
    bridge,
    address: `${subnet}.${number}/24`,
  }))
  await startVms(host, vms)
  return [
    ...(verdict === 'InSync' ? [] : [`${host.name}: the run ended as ${verdict}: ${JSON.stringify(findings)}`]),
    ...cases.flatMap((one) => wrongWith(one.network, state)).map((problem) => `${host.name}: ${problem}`),
  ]
}
