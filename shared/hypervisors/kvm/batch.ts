/**
 * A plan's actions as what is fed to the fixed commands, in the three phases that send no IPv6 frame: create down, IPv6
 * off, up (docs/kernel.md, "the baseline"). In: actions and the mark. Out: three texts. Every name and number is checked before
 * a line is built, since some bad lines end a whole batch and a crafted one could do anything.
 */
import { isPlainName, isVlanId, isVni, routeProtocol, vxlanGroup } from './names.ts'
import type { Action } from './plan.ts'

/** One text for stdin for each phase, empty where a phase has nothing to do. */
export interface Batch {
  readonly create: string
  readonly ipv6Off: string
  readonly up: string
}

/** Link group 0 is every device's, and so is no mark; the kernel keeps 32 bits. */
export function isMark(group: number): boolean {
  return Number.isInteger(group) && group >= 1 && group <= 0x7fffffff
}

/**
 * @param group the link group that marks what is created here, 1 to 2147483647
 * @throws RangeError for a name, a VLAN id or a group that must not reach a batch; a plan never holds one
 */
export function batchOf(actions: readonly Action[], group: number): Batch {
  if (!isMark(group)) throw new RangeError(`a link group must be from 1 to 2147483647, not ${group}`)
  return {
    create: text(actions, (action) => createLine(action, group)),
    ipv6Off: text(actions, ipv6Line),
    up: text(actions, upLine),
  }
}

/** What is applied at one go. */
export interface Piece {
  /** `script`: lines for the host's modifyvxlan.sh in the place of those that create. */
  readonly kind: 'vlan' | 'vxlan' | 'script'
  readonly actions: readonly Action[]
}

/** 200 networks, two to three seconds on a slow host: CloudStack's script waits 10 s for its lock (FACTS B4). */
const mostVxlanActions = 1400

/** Wherever a list of actions is cut, its parts do the same one after the other: IPv6 is off before a device is up. */
export function piecesOf(actions: readonly Action[]): readonly Piece[] {
  const pieces: { readonly kind: Piece['kind']; readonly actions: Action[] }[] = []
  for (const action of actions) {
    const kind = kindOf(action)
    const last = pieces.at(-1)
    const isFull = kind === 'vxlan' && (last?.actions.length ?? 0) >= mostVxlanActions
    if (last?.kind === kind && !isFull) last.actions.push(action)
    else pieces.push({ kind, actions: [action] })
  }
  return pieces
}

function kindOf({ do: what, device }: Action): Piece['kind'] {
  if (what === 'runScript') return 'script'
  return /^(vxlan|brvx-)\d+$/.test(device) ? 'vxlan' : 'vlan'
}

function createLine(action: Action, group: number): string | null {
  switch (action.do) {
    case 'createBridge':
      return `link add name ${name(action.device)} group ${group} type bridge`
    case 'createVlan':
      return (
        `link add link ${name(action.uplink)} name ${name(action.device)} group ${group} master ${name(action.bridge)} ` +
        `type vlan id ${vlanId(action.id)}`
      )
    case 'createVxlan':
      // Port 0 is the kernel's own, as if none were given, but iproute2 does not print three lines about it.
      return (
        `link add name ${name(action.device)} group ${group} master ${name(action.bridge)} ` +
        `type vxlan id ${vni(action.id)} group ${vxlanGroup(action.id)} ttl 10 dev ${name(action.uplink)} dstport 0`
      )
    case 'runScript':
      return `${vni(action.id)} ${name(action.uplink)} ${name(action.bridge)}`
    case 'enslave':
      return `link set dev ${name(action.device)} master ${name(action.bridge)}`
    case 'rename':
      return `link set dev ${name(action.from)} down\nlink set dev ${name(action.from)} name ${name(action.device)}`
    default:
      return null
  }
}

/** The slash form, since names of VLAN devices hold a dot. */
function ipv6Line(action: Action): string | null {
  const off = (device: string): string => `net/ipv6/conf/${name(device)}/disable_ipv6=1`
  if (action.do === 'runScript') return `${off(action.device)}\n${off(action.bridge)}`
  return action.do === 'turnIpv6Off' ? off(action.device) : null
}

function upLine(action: Action): string | null {
  if (action.do === 'addRoute')
    return `route add ${vxlanGroup(vni(action.id))} dev ${name(action.uplink)} proto ${routeProtocol}`
  return action.do === 'setUp' ? `link set dev ${name(action.device)} up` : null
}

function text(actions: readonly Action[], line: (action: Action) => string | null): string {
  return actions
    .map(line)
    .filter((one) => one !== null)
    .map((one) => `${one}\n`)
    .join('')
}

function name(value: string): string {
  if (!isPlainName(value)) throw new RangeError(`not a name that may stand in a batch: ${JSON.stringify(value)}`)
  return value
}

function vlanId(value: number): number {
  if (!isVlanId(value)) throw new RangeError(`not a VLAN id from 1 to 4094: ${value}`)
  return value
}

function vni(value: number): number {
  if (!isVni(value)) throw new RangeError(`not a VNI from 1 to 16777215: ${value}`)
  return value
}
