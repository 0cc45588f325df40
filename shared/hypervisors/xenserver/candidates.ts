/**
 * Which network serves a VLAN, where a pool has several of the name: CloudStack's own tie-break, by which ours and its runs meet
 * on one (FACTS D, DESIGN 16). Pure. In: the networks of one name, the pool's facts, a host. Out: the pool's one, the host's one,
 * and what nobody uses.
 *
 * | The networks of the name                                            | the pool's one                         |
 * |---------------------------------------------------------------------|----------------------------------------|
 * | one                                                                 | that one                               |
 * | some are in use: a VM's VIF, or a VLAN that is not ours             | the lowest stamp of those              |
 * | none is in use                                                      | the lowest stamp of all                |
 * | none has a stamp                                                    | the lowest uuid                        |
 *
 * | This host's VLAN is                                                 | and this host's one is                 |
 * |---------------------------------------------------------------------|----------------------------------------|
 * | on none of them                                                     | the pool's                             |
 * | on the pool's                                                       | the pool's                             |
 * | on another that is in use                                           | that one, as CloudStack chooses: told  |
 * | on another that only we use                                         | the pool's: our VLAN moves there       |
 */
import type { PoolFacts, XapiHost, XapiNetwork } from './facts.ts'
import { markKey, stampAhead, stampOf } from './names.ts'
import { lowestStamp, pifsOfHost } from './uplink.ts'

export interface Chosen {
  readonly ofPool: XapiNetwork
  readonly ofHost: XapiNetwork
  /** True: other hosts' VMs are, or will be, on another network of the name. */
  readonly isSplit: boolean
  /** Ours, and with nothing on them, for longer than somebody may be about to use them. */
  readonly unused: readonly XapiNetwork[]
}

/** Whoever looked a network up has used it by then, or never will. */
const unusedFor = 10 * 60_000

export function choose(
  candidates: readonly [XapiNetwork, ...XapiNetwork[]],
  facts: PoolFacts,
  host: XapiHost,
  mark: number,
  now: number,
): Chosen {
  const used = candidates.filter((network) => isUsed(network, facts, mark))
  const among = used.length > 0 ? used : candidates
  const ofPool =
    lowestStamp(among) ?? among.reduce((one, other) => (other.uuid < one.uuid ? other : one), candidates[0])
  const here = candidates.find((network) => pifsOfHost(network, facts, host).length > 0)
  const ofHost = here !== undefined && isUsed(here, facts, mark) ? here : ofPool
  const unused = candidates.filter((network) => {
    const age = now - ((stampOf(network.tags)?.at ?? now) - stampAhead)
    return (
      network !== ofPool && network !== ofHost && isEmpty(network, facts) && isMarked(network, mark) && age > unusedFor
    )
  })
  return { ofPool, ofHost, isSplit: used.some((network) => network !== ofHost), unused }
}

export const isMarked = ({ otherConfig }: Pick<XapiNetwork, 'otherConfig'>, mark: number): boolean =>
  otherConfig[markKey] === String(mark)

export const isEmpty = (network: XapiNetwork, facts: PoolFacts): boolean =>
  network.vifs.length === 0 && facts.pifsOn(network.ref).length === 0

function isUsed(network: XapiNetwork, facts: PoolFacts, mark: number): boolean {
  if (network.vifs.length > 0) return true
  return facts.pifsOn(network.ref).some((pif) => {
    const vlan = facts.vlanOf(pif.ref)
    return vlan === undefined || !isMarked(vlan, mark)
  })
}
