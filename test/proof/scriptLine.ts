/**
 * How CloudStack's agent calls its scripts, of which stand-ins are on each host of a proof (test/standIns). In: a network,
 * what is to be done. Out: a line for a shell.
 */
import type { ProofNetwork } from './pairState.ts'

/** Where a stand-in for CloudStack's script is on a host of a proof. */
export const standIns = { vlan: '/run/modifyVlanStandIn.sh', vxlan: '/run/modifyVxlanStandIn.sh' } as const

/** As the agent calls it. What it passes to VXLAN's delete is not the underlay (FACTS B4), so the route stays. */
export function scriptLine({ kind, id, uplink, bridge }: ProofNetwork, operation: 'add' | 'delete'): string {
  const below = kind === 'vxlan' && operation === 'delete' ? 'vx' : uplink
  return `bash ${standIns[kind]} -o ${operation} -v ${id} -p ${below} -b ${bridge}`
}
