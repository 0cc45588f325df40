/**
 * One complete reading of what the desired set is made of (FACTS A1, F1). In: a function that lists one command whole.
 * Out: the facts, or an error when any part is missing or the account cannot see what it must.
 */
import type * as z from 'zod/mini'
import type { CloudFacts, GuestLabels, NetworkFact, OfferingFact, PhysicalNetworkFact } from '../reconcile/model.ts'
import { networkRow, offeringRow, physicalNetworkRow, trafficTypeRow, zoneRow } from './answers.ts'
import type { Command } from './calls.ts'
import { RightLost } from './errors.ts'

/** @param name the key under which the rows stand */
export type List = <Row extends { readonly id: string }>(
  command: Command,
  parameters: Readonly<Record<string, string>>,
  name: string,
  row: z.ZodMiniType<Row>,
) => Promise<readonly Row[]>

export async function readFacts(list: List): Promise<CloudFacts> {
  const zones = await list('listZones', {}, 'zone', zoneRow)
  const physicalNetworks = await list('listPhysicalNetworks', {}, 'physicalnetwork', physicalNetworkRow)
  const guestLabels = await readGuestLabels(list, physicalNetworks)
  const offerings = await list('listNetworkOfferings', { listall: 'true' }, 'networkoffering', offeringRow)
  const networks = await readNetworks(list, offerings)
  return { zones, physicalNetworks, guestLabels, offerings, networks }
}

async function readGuestLabels(
  list: List,
  physicalNetworks: readonly PhysicalNetworkFact[],
): Promise<readonly GuestLabels[]> {
  const found: GuestLabels[] = []
  for (const { id } of physicalNetworks) {
    const rows = await list('listTrafficTypes', { physicalnetworkid: id }, 'traffictype', trafficTypeRow)
    const guest = rows.find(({ trafficType }) => trafficType === 'Guest')
    if (guest !== undefined) found.push({ physicalNetwork: id, labels: guest.labels })
  }
  return found
}

/** Account-level and project networks: two questions, since projectid=-1 replaces instead of adding (FACTS F1). */
const owners = [{}, { projectid: '-1' }] as const

/** One network by its id, whoever owns it; undefined only if neither question finds it: it is deleted. */
export async function readNetwork(list: List, id: string): Promise<NetworkFact | undefined> {
  for (const owner of owners) {
    const rows = await list('listNetworks', { listall: 'true', id, ...owner }, 'network', networkRow)
    const found = rows.find((network) => network.id === id)
    if (found !== undefined) return found
  }
  return undefined
}

/** Every network on a physical network, whatever its offering, state and owner. */
export async function readNetworksOn(
  list: List,
  zone: string,
  physicalNetwork: string,
): Promise<readonly NetworkFact[]> {
  const byId = new Map<string, NetworkFact>()
  for (const owner of owners) {
    const parameters = { listall: 'true', zoneid: zone, physicalnetworkid: physicalNetwork, ...owner }
    for (const network of await list('listNetworks', parameters, 'network', networkRow)) byId.set(network.id, network)
  }
  return [...byId.values()]
}

/** By persistent offering, since there is no filter for persistent. */
async function readNetworks(list: List, offerings: readonly OfferingFact[]): Promise<readonly NetworkFact[]> {
  const byId = new Map<string, NetworkFact>()
  for (const { id } of offerings.filter(({ persistent }) => persistent)) {
    for (const owner of owners) {
      const parameters = { listall: 'true', networkofferingid: id, ...owner }
      for (const network of await list('listNetworks', parameters, 'network', networkRow)) {
        if (network.offering === id) byId.set(network.id, network)
      }
    }
  }
  const networks = [...byId.values()]
  demandUris(networks)
  return networks
}

/**
 * Judged here and not where the desired set is made, so that nobody can make one from such a reading. A persistent
 * network gets its URI before it becomes Implemented, and a root admin always sees it.
 */
function demandUris(networks: readonly NetworkFact[]): void {
  const blind = networks.filter(({ state, broadcastUri }) => hasUri.has(state) && broadcastUri === undefined)
  const [first] = blind
  if (first === undefined) return
  throw new RightLost(
    `listNetworks shows no broadcast URI for ${blind.length} of ${networks.length} persistent networks, for example ` +
      `${first.name} (${first.id}): use the keys of a root admin account, whose role is of type Admin`,
  )
}

const hasUri: ReadonlySet<string> = new Set(['Implemented', 'Setup'])
