/**
 * Networks that are made and deleted (FACTS A1, A4). In: the state and what a caller asks for. Out: the network with the
 * URI and state that the real server would give it, the events, and what is sent to hosts.
 */
import type { Network, Offering, PhysicalNetwork } from './model.ts'
import { failed } from './refusal.ts'
import { uuidOf } from './seed.ts'
import { cleanUpNetwork, setUpNewNetwork } from './setUps.ts'
import { type CloudState, networkOf, noteEvent } from './state.ts'

export interface NewNetwork {
  readonly name: string
  /** An id. */
  readonly zone: string
  /** An id or a name. */
  readonly offering: string
  /** An id; found by the offering's tag, or the only one with guest traffic, unless told. */
  readonly physicalNetwork?: string
  /** A VLAN id, `untagged`, or a whole URI. */
  readonly vlan?: string
  readonly isolatedPvlan?: string
  readonly account?: string
  readonly project?: string
}

export async function createNetwork(state: CloudState, plan: NewNetwork): Promise<Network> {
  const offering = findOffering(state, plan.offering)
  const physical = findPhysicalNetwork(state, plan, offering)
  const { uri, chosen } = chooseUri(state, plan, offering, physical)
  const network: Network = {
    id: uuidOf('network', plan.zone, plan.name, `${state.events.length}`),
    name: plan.name,
    zone: plan.zone,
    offering: offering.id,
    physicalNetwork: physical.id,
    state: offering.persistent ? 'Implemented' : chosen ? 'Setup' : 'Allocated',
    ...(uri === undefined ? {} : { broadcastUri: uri }),
    account: plan.account ?? 'admin',
    ...(plan.project === undefined ? {} : { project: plan.project }),
    created: state.options.now(),
  }
  state.networks.set(network.id, network)
  await setUpNewNetwork(state, network)
  note(state, network, 'CREATE', 'Completed', `Successfully completed creating network. Network Id: ${network.id}`)
  return network
}

export async function deleteNetwork(state: CloudState, key: string): Promise<void> {
  const network = networkOf(state, key)
  note(state, network, 'DELETE', 'Scheduled', `Deleting network: ${network.id}`)
  note(state, network, 'DELETE', 'Started', `deleting network. Network Id: ${network.id}`)
  await cleanUpNetwork(state, network)
  state.networks.delete(network.id)
  note(state, network, 'DELETE', 'Completed', `Successfully completed deleting network. Network Id: ${network.id}`)
}

function note(
  state: CloudState,
  { id, account }: Network,
  verb: 'CREATE' | 'DELETE',
  stage: 'Completed' | 'Scheduled' | 'Started',
  description: string,
): void {
  const type = `NETWORK.${verb}`
  noteEvent(state, { type, state: stage, description, resourceId: id, resourceType: 'Network', account })
}

function findOffering({ seed }: CloudState, key: string): Offering {
  const offering = seed.offerings.find(({ id, name }) => id === key || name === key)
  if (offering === undefined) throw failed(`There is no network offering ${key}`)
  return offering
}

function findPhysicalNetwork({ seed }: CloudState, plan: NewNetwork, { tags }: Offering): PhysicalNetwork {
  const ofZone = seed.physicalNetworks.filter(
    ({ zone, trafficTypes }) => zone === plan.zone && trafficTypes.some(({ trafficType }) => trafficType === 'Guest'),
  )
  const asked = plan.physicalNetwork
  const fitting = ofZone.filter((one) =>
    asked === undefined ? tags === undefined || one.tags === tags : one.id === asked,
  )
  const [only, ...others] = fitting
  if (only === undefined || others.length > 0) {
    throw failed(`Unable to find one physical network for network ${plan.name}: ${fitting.length} match`)
  }
  return only
}

interface Chosen {
  readonly uri?: string
  /** Chosen by the caller. */
  readonly chosen: boolean
}

function chooseUri(state: CloudState, plan: NewNetwork, offering: Offering, physical: PhysicalNetwork): Chosen {
  const scheme = physical.isolation.toLowerCase()
  const { vlan, isolatedPvlan } = plan
  if (vlan !== undefined && !offering.specifyVlan) {
    throw failed(`Offering ${offering.name} does not let the VLAN be specified; choose another or drop vlan=${vlan}`)
  }
  if (vlan !== undefined && isolatedPvlan !== undefined)
    return { uri: `pvlan://${vlan}-i${isolatedPvlan}`, chosen: true }
  if (vlan !== undefined) return { uri: vlan.includes('://') ? vlan : `${scheme}://${vlan}`, chosen: true }
  if (!offering.persistent) return { chosen: false }
  return { uri: `${scheme}://${freeId(state, physical, scheme)}`, chosen: false }
}

/** The lowest id of the range that no network of this physical network has; the real server takes any. */
function freeId(state: CloudState, physical: PhysicalNetwork, scheme: string): number {
  const [first = 0, last = 0] = (physical.vlans ?? '').split('-').map(Number)
  const taken = new Set(
    [...state.networks.values()]
      .filter(({ physicalNetwork }) => physicalNetwork === physical.id)
      .map(({ broadcastUri }) => broadcastUri),
  )
  for (let id = first; id > 0 && id <= last; id += 1) if (!taken.has(`${scheme}://${id}`)) return id
  throw failed(`Unable to allocate vnet as a part of network implement: ${physical.name} has none left`)
}
