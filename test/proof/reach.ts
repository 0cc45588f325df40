/**
 * Proof "reach": what was reachable stays reachable, at every moment, while networks are made beside it. In: how many networks
 * of each kind. Out: the echoes to a host's address on `cloudbr1.200`, to a VM that tags its frames with 200, and to a VM on a
 * network of ours, and how many were lost; then the stand-in for CloudStack's script makes `eth1.200`, which we did not: that the
 * VM loses echoes shows why it is a Conflict, and that a loss would have been seen.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { network } from '../hypervisors/kvm/factory.ts'
import { vlanNetwork } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { type ProofBed, type ProofHost, withHosts } from './proofHost.ts'
import { scriptLine } from './scriptLine.ts'
import { type Echoes, pingWhile, startVms } from './vm.ts'

export const reach: Proof = {
  name: 'reach',
  says: 'nobody is cut off while networks are made; a round is one VLAN and one VXLAN network',
  rounds: 200,
  prove: (options) =>
    withHosts('uml', [{ name: 'kvm-1', memory: 512 }, { name: 'kvm-2' }], (bed) => prove(bed, options)),
}

const addresses = { host: '192.0.2.1', trunking: '192.0.2.3', onOurs: '198.51.100.1' } as const

async function prove({ first, hosts }: ProofBed, { rounds, seed, progress }: ProofOptions): Promise<Figures> {
  const peer = hosts[1]
  if (peer === undefined) throw new Error('a second host sends the echoes')
  const ours = [network('vlan://300')]
  await first.run(ours)
  await stand(first, peer)
  await answered(peer)
  const desired = [...ours, ...networksOf(rounds), network('vlan://200')]
  const wrong: string[] = []
  const echoes = await echo(peer, async () => {
    const { findings, devices } = await first.run(desired)
    const conflicts = findings.filter(({ reason }) => reason === 'Conflict').map(({ uri }) => uri)
    if (findings.length !== 1 || conflicts[0] !== 'vlan://200')
      wrong.push(`not only 200 is a Conflict: ${JSON.stringify(findings)}`)
    if (devices !== 2 * (1 + 2 * rounds)) wrong.push(`${devices} devices are right, not ${2 * (1 + 2 * rounds)}`)
    progress(`${devices} devices are right`)
  })
  wrong.push(...echoes.filter(isLossy).map((one) => `echoes were lost: ${JSON.stringify(one)}`))
  const cut = await echo(peer, async () => {
    await first.host.exec(scriptLine(vlanNetwork(200), 'add'))
    await delay(500)
  })
  if (!cut.some((one) => one.address === addresses.trunking && isLossy(one)))
    wrong.push(`making eth1.200 cut nobody off, so this proves nothing: ${JSON.stringify(cut)}`)
  const sum = (of: readonly Echoes[], key: 'sent' | 'answered'): number =>
    of.reduce((total, one) => total + one[key], 0)
  const [sent, lost] = [sum(echoes, 'sent'), sum(echoes, 'sent') - sum(echoes, 'answered')]
  const counts = { networks: 2 * rounds, echoes: sent, lost, lostOfControl: sum(cut, 'sent') - sum(cut, 'answered') }
  return { proof: 'reach', kernel: 'uml', seed, counts, wrong }
}

const networksOf = (count: number) =>
  Array.from({ length: count }, (_, at) => [network(`vlan://${1001 + at}`), network(`vxlan://${70_001 + at}`)]).flat()

/** On the first host what must stay reachable, on the other one what reaches it. */
async function stand(first: ProofHost, peer: ProofHost): Promise<void> {
  await first.host.exec(
    'ip link add link cloudbr1 name cloudbr1.200 type vlan id 200 && ip link set cloudbr1.200 up &&' +
      `ip addr add ${addresses.host}/24 dev cloudbr1.200`,
  )
  await startVms(first.host, [
    { name: 'trunking', bridge: 'cloudbr1', address: `${addresses.trunking}/24`, tag: 200 },
    { name: 'onours', bridge: 'breth1-300', address: `${addresses.onOurs}/24` },
  ])
  await peer.host.exec(
    'for id in 200 300; do ip link add link cloudbr1 name cloudbr1.$id type vlan id $id && ip link set cloudbr1.$id up; done;' +
      'ip addr add 192.0.2.2/24 dev cloudbr1.200; ip addr add 198.51.100.2/24 dev cloudbr1.300',
  )
}

const echo = ({ host }: ProofHost, happens: () => Promise<unknown>): Promise<readonly Echoes[]> =>
  pingWhile(host, Object.values(addresses), happens)

const isLossy = ({ sent, answered }: Echoes): boolean => sent === 0 || answered < sent

/** A bridge learns, and a neighbour is asked for, before the first echo. */
async function answered(peer: ProofHost): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const echoes = await echo(peer, () => delay(200))
    if (!echoes.some(isLossy)) return
  }
  throw new Error('the echoes are not answered even before anything is done')
}
