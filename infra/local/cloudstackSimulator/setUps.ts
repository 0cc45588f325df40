/**
 * What the server sends to hosts about persistent networks (FACTS A2, A6, A7; API-BEHAVIOUR, "What makes the server set
 * networks up"). In: a host or a network. Out: commands to `onSetup` and `onCleanup`, noted as sent. The holes are the
 * real server's, and on purpose: they are what Bridgekeeper is for.
 */
import { maintenanceStates } from './hostStates.ts'
import type { Host, Network } from './model.ts'
import { type Cause, type CloudState, hostOf, persistentNetworks } from './state.ts'

/** Thrown where the real server gets a null answer: the host is gone, or in maintenance, which refuses the command. */
class NoAnswerFromHost extends Error {}

/**
 * The pass over a connecting host: every persistent network of every zone, once for each pool, one after the other.
 * @returns false when it broke off, after which the real server drops the host into Alert
 */
export async function setUpConnectingHost(state: CloudState, id: string): Promise<boolean> {
  if (!sendsToHosts(state)) return true
  try {
    for (let pool = 0; pool < state.options.sharedPrimaryPools; pool += 1) await sendAll(state, id, 'connect')
    return true
  } catch (error) {
    if (error instanceof NoAnswerFromHost) return false
    throw error
  }
}

/** The pass of updateHost: within the call, and its failures show nowhere. */
export async function setUpUpdatedHost(state: CloudState, id: string): Promise<void> {
  const { state: status } = hostOf(state, id)
  if (!sendsToHosts(state) || (status !== 'Up' && status !== 'Connecting')) return
  await sendAll(state, id, 'updateHost').catch((error: unknown) => {
    if (!(error instanceof NoAnswerFromHost)) throw error
  })
}

/** The push of a new network: L2 on a VLAN only, to each KVM or XenServer host, to the first of any other cluster. */
export async function setUpNewNetwork(state: CloudState, network: Network): Promise<void> {
  const offering = state.offerings.get(network.offering)
  const onVlan = network.broadcastUri?.startsWith('vlan://') ?? false
  if (!offering?.persistent || offering.guestType !== 'L2' || !onVlan) return
  const clusters = new Set<string>()
  for (const host of upAndEnabled(state, network.zone)) {
    const each = host.hypervisor === 'KVM' || host.hypervisor === 'XenServer'
    if (!each && clusters.has(host.cluster ?? '')) continue
    const answered = await send(state, host, network, 'createNetwork').catch(() => false)
    if (answered) clusters.add(host.cluster ?? '')
  }
}

/** The clean-up of a deleted network, unless any other persistent network, wherever it is, has the same URI. */
export async function cleanUpNetwork(state: CloudState, network: Network): Promise<void> {
  const shared = persistentNetworks(state).some(
    ({ id, broadcastUri }) => id !== network.id && broadcastUri === network.broadcastUri,
  )
  const onVlan = network.broadcastUri?.startsWith('vlan://') ?? false
  if (!state.offerings.get(network.offering)?.persistent || !onVlan || shared) return
  for (const host of upAndEnabled(state, network.zone)) {
    const succeeded = await Promise.resolve(state.options.onCleanup(host, network)).catch(() => false)
    state.cleanups.push({ at: state.options.now(), host: host.id, network: network.id, succeeded })
  }
}

async function sendAll(state: CloudState, id: string, cause: Cause): Promise<void> {
  for (const network of persistentNetworks(state)) await send(state, hostOf(state, id), network, cause)
}

/** @returns whether the host says that it succeeded @throws NoAnswerFromHost */
async function send(state: CloudState, host: Host, network: Network, cause: Cause): Promise<boolean> {
  const answers = host.agentRuns && (host.state === 'Up' || host.state === 'Connecting')
  if (!answers || maintenanceStates.has(host.resourceState)) throw new NoAnswerFromHost()
  const succeeded = await ask(state, host, network)
  state.setups.push({ at: state.options.now(), host: host.id, network: network.id, cause, succeeded })
  return succeeded
}

async function ask(state: CloudState, host: Host, network: Network): Promise<boolean> {
  try {
    return await state.options.onSetup(host, network)
  } catch (error) {
    throw new NoAnswerFromHost('no answer', { cause: error })
  }
}

const upAndEnabled = (state: CloudState, zone: string): readonly Host[] =>
  [...state.hosts.values()].filter(
    (host) => host.type === 'Routing' && host.zone === zone && host.state === 'Up' && host.resourceState === 'Enabled',
  )

/** hostConnect and hostEnabled came with 4.17 (FACTS A2, History). */
function sendsToHosts({ options }: CloudState): boolean {
  const [major = 0, minor = 0] = options.version.split('.').map(Number)
  return major > 4 || (major === 4 && minor >= 17)
}
