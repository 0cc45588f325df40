/**
 * Proof "scripts": Bridgekeeper beside CloudStack's own script, of which stand-ins are run (test/standIns). In: for how many
 * seconds VMs start and stop while Bridgekeeper runs again and again. Out: whether each leaves alone what the other made, every
 * VM that started had its network, the next look made everything right, and nothing foreign was touched.
 */
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { HostError } from '../../shared/hypervisors/driver.ts'
import { network } from '../hypervisors/kvm/factory.ts'
import { createRandom } from '../simulation/random.ts'
import { standForeign } from './foreign.ts'
import { differences } from './kernelState.ts'
import { type ProofNetwork, vlanNetwork, vxlanNetwork, wrongWith } from './pairState.ts'
import type { Figures, Proof, ProofOptions } from './proof.ts'
import { type ProofHost, vms, withHosts } from './proofHost.ts'
import { scriptLine } from './scriptLine.ts'
import { settled } from './settled.ts'

/** Few: a guest takes half a second for one script. */
const onGuest = [vlanNetwork(101), vlanNetwork(102), vxlanNetwork(70_001)]
const native = [70_001, 70_002, 70_003].map((id) => vxlanNetwork(id))

export const scripts: Proof = {
  name: 'scripts',
  says: "beside CloudStack's script; a round is a second of VMs that start and stop",
  rounds: 60,
  prove: (options) => prove('uml', onGuest, options),
}

export const scriptsNative: Proof = {
  ...scripts,
  name: 'scripts-native',
  says: "the same for VXLAN on this machine's own kernel, many times as quick",
  prove: (options) => prove('netns', native, options),
}

async function prove(kind: Bed['kind'], networks: readonly ProofNetwork[], options: ProofOptions): Promise<Figures> {
  return withHosts(kind, [{ name: 'kvm-1' }], async ({ first }) => {
    await first.run(networks.map(({ uri }) => network(uri)))
    await standForeign(first.host, kind, networks.at(-1)?.bridge)
    const wrong = [...(await ourFirst(first, networks)), ...(await scriptFirst(first, networks))]
    const both = await atOnce(first, networks, options)
    return {
      proof: 'scripts',
      kernel: kind,
      seed: options.seed,
      counts: { networks: networks.length, ...both.counts },
      wrong: [...wrong, ...both.wrong],
    }
  })
}

/** The script after us succeeds, and changes nothing. */
async function ourFirst(proofHost: ProofHost, networks: readonly ProofNetwork[]): Promise<readonly string[]> {
  await proofHost.run(networks.map(({ uri }) => network(uri)))
  const before = await settled(proofHost.host)
  await proofHost.host.exec(scriptLines(networks, 'add'))
  const after = await settled(proofHost.host)
  return [
    ...networks.flatMap((one) => wrongWith(one, before)),
    ...differences(before, after, () => false).map((difference) => `the script after us: ${difference}`),
  ]
}

/** We after the script find nothing to do, and change nothing: no mark either. */
async function scriptFirst({ host, run }: ProofHost, networks: readonly ProofNetwork[]): Promise<readonly string[]> {
  await host.exec(scriptLines(networks, 'delete'))
  const without = await settled(host)
  const left = networks.filter(({ device, bridge }) => without.links.has(device) || without.links.has(bridge))
  await host.exec(scriptLines(networks, 'add'))
  const before = await settled(host)
  const { created, findings, verdict } = await run(networks.map(({ uri }) => network(uri)))
  const after = await settled(host)
  return [
    ...left.map(({ uri }) => `the script's delete left ${uri}, so its add was not tried`),
    ...networks.flatMap((one) => wrongWith(one, before)),
    ...(verdict === 'InSync' && created === 0 && findings.length === 0
      ? []
      : [`we after the script: ${verdict}, ${created} created, ${JSON.stringify(findings)}`]),
    ...differences(before, after, () => false).map((difference) => `we after the script: ${difference}`),
  ]
}

/** Ends with an error at the first one that does. */
const scriptLines = (networks: readonly ProofNetwork[], operation: 'add' | 'delete'): string =>
  networks.map((one) => scriptLine(one, operation)).join(' && ')

/** Seconds of one command on the host, about: its shell counts whole ones. */
const piece = 5

async function atOnce(
  proofHost: ProofHost,
  networks: readonly ProofNetwork[],
  { rounds, seed, progress }: ProofOptions,
) {
  const { host, session } = proofHost
  const random = createRandom(seed)
  const desired = networks.map(({ uri }) => network(uri))
  const before = await settled(host)
  const counts = { seconds: 0, vms: 0, looks: 0, applied: 0, busy: 0 }
  const began = performance.now()
  const wrong: string[] = []
  let over = false
  const starting = (async () => {
    try {
      while (counts.seconds < rounds && wrong.length === 0) {
        const said = await vmsFor(host, networks, piece, random.whole(1, 30_000))
        counts.seconds = Math.floor((performance.now() - began) / 1000)
        counts.vms += said.length
        wrong.push(...said.filter((line) => line !== 'ok'))
        progress(`${rounds} s are to pass: ${JSON.stringify(counts)}`)
      }
    } finally {
      over = true
    }
  })()
  while (!over) {
    const view = await session.look(desired)
    counts.looks += 1
    if (view.changes.length === 0) continue
    counts.applied += 1
    await view.apply().catch((error: unknown) => {
      if (!(error instanceof HostError && error.reason === 'HostBusy')) throw error
      counts.busy += 1
    })
  }
  await starting
  const { verdict, findings } = await proofHost.run(desired)
  const after = await settled(host)
  const ours = new Set(networks.flatMap(({ device, bridge }) => [device, bridge]))
  if (verdict !== 'InSync') wrong.push(`the next run after it all: ${verdict}, ${JSON.stringify(findings)}`)
  wrong.push(...networks.flatMap((one) => wrongWith(one, after)))
  wrong.push(...differences(before, after, (name) => ours.has(name)))
  return { counts, wrong }
}

async function vmsFor(host: BedHost, networks: readonly ProofNetwork[], seconds: number, seed: number) {
  const lines = networks.map(({ kind, id, uplink, bridge, device }) => [kind, id, uplink, bridge, device].join(' '))
  const said = await host.exec(`bash ${vms} ${seconds} ${seed} <<'END'\n${lines.join('\n')}\nEND`)
  return said.split('\n').filter((line) => line !== '')
}
