/**
 * What one desired network is called on a vSphere switch and how its group is set up, to the letter as CloudStack has it (FACTS E).
 * Pure. In: the traffic label, the broadcast URI, a rate. Out: the group that is wanted, nothing else, or why there is none.
 */
import type { Finding } from '../driver.ts'

export type SwitchKind = 'standard' | 'distributed'

export interface SwitchName {
  readonly kind: SwitchKind
  readonly name: string
}

export type Vlan =
  | { readonly is: 'id'; readonly id: number }
  /** Closed ranges of ids. */
  | { readonly is: 'trunk'; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly is: 'private'; readonly primary: number; readonly secondary: number; readonly type: PrivateType }

export type PrivateType = 'isolated' | 'community' | 'promiscuous'

export interface Group {
  readonly name: string
  readonly on: SwitchName
  readonly vlan: Vlan
  /** Mbit/s; 0 is without a limit. */
  readonly rate: number
  /** CloudStack marks it for its own clean-up: tagged ones only. */
  readonly isTagged: boolean
}

export type Wanted = Group | Pick<Finding, 'reason' | 'detail'>

const unsupported = (detail: string): Pick<Finding, 'reason' | 'detail'> => ({ reason: 'Unsupported', detail })

/**
 * - no label: `vSwitch0`, standard.
 * - `switch[,vlan[,type]]`, the type `vmwaresvs` unless it is `vmwaredvs`; an empty switch: `vSwitch0` or `dvSwitch0`.
 * - `nexusdvs`, another type, more than three fields, a name that vCenter writes otherwise: unsupported.
 */
export function switchOf(label: string | null): SwitchName | Pick<Finding, 'reason' | 'detail'> {
  const fields = (label ?? '').split(',').map((field) => field.trim())
  const [name = '', , type = ''] = fields
  if (fields.length > 3) return unsupported(`The traffic label ${shown(label)} has more than three fields.`)
  if (type !== '' && type !== 'vmwaresvs' && type !== 'vmwaredvs')
    return unsupported(`The traffic label ${shown(label)} names the switch type ${shown(type)}, which is not provided.`)
  const kind = type === 'vmwaredvs' ? 'distributed' : 'standard'
  const named = name || (kind === 'distributed' ? 'dvSwitch0' : 'vSwitch0')
  if (/^[^%/\\\p{Cc}]{1,64}$/u.test(named)) return { kind, name: named }
  return unsupported(`The traffic label ${shown(label)} names a switch of more than 64 characters, or with %, / or \\.`)
}

/**
 * | URI                              | standard      | distributed              |
 * |----------------------------------|---------------|--------------------------|
 * | `vlan://untagged`                | id 0          | trunk of 0, as CloudStack|
 * | `vlan://1` … `vlan://4094`       | the id        | the id                   |
 * | `vlan://4095`                    | id 4095       | trunk of 0-4094          |
 * | `vlan://1741-1760`, `vlan://5,7` | unsupported   | trunk of these           |
 * | `pvlan://P-iS`, `-cS`, `-pP`     | unsupported   | the private VLAN         |
 * | VXLAN, GRE, anything else        | unsupported   | unsupported              |
 */
export function wantedGroup(label: string | null, uri: string, rate: number): Wanted {
  const on = switchOf(label)
  if ('reason' in on) return on
  const [, scheme, text = ''] = /^([a-z0-9]+):\/\/(.{1,200})$/.exec(uri) ?? []
  const isDistributed = on.kind === 'distributed'
  const group = (middle: string, vlan: Vlan): Wanted => {
    const name = `cloud.guest.${middle}.${rate}.1-${on.name}`
    if (name.length > 80) return unsupported(`${uri}: vCenter’s names end at 80 characters, and ${name} has more.`)
    return { name, on, vlan, rate, isTagged: middle !== 'untagged' }
  }
  if (scheme === 'pvlan') {
    const vlan = privateOf(text)
    if (vlan === undefined) return unsupported(`${uri} is not a private VLAN of ids from 1 to 4094.`)
    if (!isDistributed) return unsupported(`${uri}: a standard switch has no private VLANs.`)
    return group(`${vlan.primary}.s${vlan.secondary}`, vlan)
  }
  if (scheme !== 'vlan') return unsupported(`${uri}: only VLAN networks and private VLANs are prepared on VMware.`)
  if (text === 'untagged') return group(text, isDistributed ? { is: 'trunk', ranges: [[0, 0]] } : { is: 'id', id: 0 })
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= 4095) {
    const id = Number(text)
    return group(text, id === 4095 && isDistributed ? { is: 'trunk', ranges: [[0, 4094]] } : { is: 'id', id })
  }
  const ranges = rangesOf(text)
  if (ranges === undefined) return unsupported(`${uri} is not made of VLAN ids from 0 to 4094.`)
  if (!isDistributed) return unsupported(`${uri}: a standard switch has no ranges of VLANs.`)
  return group(text, { is: 'trunk', ranges })
}

const privateTypes = { i: 'isolated', c: 'community', p: 'promiscuous' } as const

function privateOf(text: string): (Vlan & { readonly is: 'private' }) | undefined {
  const [, primary = '', letter = '', secondary = ''] = /^([1-9]\d{0,3})-([icp])([1-9]\d{0,3})$/.exec(text) ?? []
  const type = letter === 'i' || letter === 'c' || letter === 'p' ? privateTypes[letter] : undefined
  const [first, second] = [Number(primary), Number(secondary)]
  if (type === undefined || first > 4094 || second > 4094) return undefined
  if ((type === 'promiscuous') !== (first === second)) return undefined
  return { is: 'private', primary: first, secondary: second, type }
}

function rangesOf(text: string): readonly (readonly [number, number])[] | undefined {
  const ranges: (readonly [number, number])[] = []
  for (const part of text.split(',')) {
    const [, start = '', end = start] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? []
    const range = [Number(start), Number(end)] as const
    if (start === '' || range[0] > range[1] || range[1] > 4094) return undefined
    ranges.push(range)
  }
  return ranges
}

export interface Shaping {
  /** Bits a second; bytes. */
  readonly average: number
  readonly peak: number
  readonly burst: number
}

/** @returns undefined without a limit */
export function shapingOf(rate: number): Shaping | undefined {
  if (rate <= 0) return undefined
  const average = rate * 1_048_576
  return { average, peak: Math.trunc(average * 1.5), burst: Math.trunc((5 * average) / 8) }
}

export const shown = (text: string | null): string => JSON.stringify((text ?? '').slice(0, 80))
