/**
 * What one reading of a datacenter shows, as plain data: its hosts, its switches, its groups and their marks; and what a host's own
 * standard switches have. In: the objects of vCenter's property collector. Out: facts, with nothing that the plan does not use.
 */
import type { PrivateType, Vlan } from './names.ts'
import { all, at, type Element, flagAt, numberAt, type Ref, refOf, textAt } from './xml.ts'

export interface VimHost {
  readonly ref: Ref
  readonly name: string
  readonly networkSystem: Ref
  /** As vCenter writes it, with its zone. */
  readonly bootTime?: string
  readonly isConnected: boolean
}

/** Shaping as it is set; absent where it is off. */
export interface ShapingSeen {
  readonly average: number
  readonly peak: number
  readonly burst: number
}

export interface VimSwitch {
  readonly ref: Ref
  readonly name: string
  readonly hosts: ReadonlySet<string>
  readonly version: string
}

/** A network of the datacenter: a standard group, whatever hosts have it, or a distributed one. */
export interface VimNetwork {
  readonly ref: Ref
  readonly name: string
  /** By the names of custom fields. */
  readonly fields: Readonly<Record<string, string>>
  /** How many VMs, running or not, have an interface on it. */
  readonly vms: number
  /** Of a distributed one. */
  readonly group?: GroupSeen
}

export interface GroupSeen {
  /** The id of its switch. */
  readonly on: string
  readonly configVersion?: string
  /** Undefined: of a kind that is not known. */
  readonly vlan: Vlan | SecondaryOnly | undefined
  /** In and out; null where the two differ. */
  readonly shaping: ShapingSeen | undefined | null
}

/** A private VLAN, as a group shows it. */
export interface SecondaryOnly {
  readonly is: 'secondary'
  readonly id: number
}

export interface PrivateEntry {
  readonly primary: number
  readonly secondary: number
  readonly type: PrivateType | string
}

export interface FieldDefinition {
  readonly key: number
  readonly name: string
  /** The kind of object that has it; empty: any. */
  readonly kind: string
}

export interface DatacenterFacts {
  readonly hosts: readonly VimHost[]
  readonly switches: readonly VimSwitch[]
  readonly networks: readonly VimNetwork[]
  readonly fields: readonly FieldDefinition[]
}

/** What a host's own standard switches have. */
export interface HostNetworks {
  readonly switches: readonly string[]
  readonly groups: readonly HostGroup[]
}

export interface HostGroup {
  readonly name: string
  readonly on: string
  readonly vlan: number
  readonly shaping: ShapingSeen | undefined
}

/** An object of the property collector: its reference, and its properties by their paths. */
export interface Collected {
  readonly ref: Ref
  readonly properties: ReadonlyMap<string, Element>
}

export function collectedIn(response: Element): readonly Collected[] {
  return all(at(response, 'returnval'), 'objects').flatMap((object) => {
    const ref = refOf(at(object, 'obj'))
    if (ref === undefined) return []
    const properties = new Map(
      all(object, 'propSet').flatMap((property) => {
        const value = at(property, 'val')
        return value === undefined ? [] : [[textAt(property, 'name') ?? '', value] as const]
      }),
    )
    return [{ ref, properties }]
  })
}

export function factsOf(objects: readonly Collected[]): DatacenterFacts {
  const ofKind = (...kinds: readonly string[]) => objects.filter(({ ref }) => kinds.includes(ref.kind))
  const fields = ofKind('CustomFieldsManager').flatMap(({ properties }) =>
    all(properties.get('field'), 'CustomFieldDef').map((definition) => ({
      key: numberAt(definition, 'key') ?? -1,
      name: textAt(definition, 'name') ?? '',
      kind: textAt(definition, 'managedObjectType') ?? '',
    })),
  )
  const fieldNames = new Map(fields.map(({ key, name }) => [key, name]))
  return {
    hosts: ofKind('HostSystem').flatMap(hostOf),
    switches: ofKind('DistributedVirtualSwitch', 'VmwareDistributedVirtualSwitch').map(switchSeen),
    networks: ofKind('Network', 'DistributedVirtualPortgroup').map((object) => networkOf(object, fieldNames)),
    fields,
  }
}

function hostOf({ ref, properties }: Collected): readonly VimHost[] {
  const networkSystem = refOf(properties.get('configManager.networkSystem'))
  if (networkSystem === undefined) return []
  const bootTime = properties.get('runtime.bootTime')?.text
  return [
    {
      ref,
      name: properties.get('name')?.text ?? '',
      networkSystem,
      ...(bootTime === undefined ? {} : { bootTime }),
      isConnected: (properties.get('runtime.connectionState')?.text ?? 'connected') === 'connected',
    },
  ]
}

const switchSeen = ({ ref, properties }: Collected): VimSwitch => ({
  ref,
  name: properties.get('name')?.text ?? '',
  hosts: new Set((properties.get('summary.hostMember')?.children ?? []).map(({ text }) => text)),
  version: textAt(properties.get('summary.productInfo'), 'version') ?? '',
})

function networkOf({ ref, properties }: Collected, fieldNames: ReadonlyMap<number, string>): VimNetwork {
  const values = (properties.get('customValue')?.children ?? []).flatMap((one) => {
    const name = fieldNames.get(numberAt(one, 'key') ?? -1)
    return name === undefined ? [] : [[name, textAt(one, 'value') ?? ''] as const]
  })
  const on = properties.get('config.distributedVirtualSwitch')?.text
  return {
    ref,
    name: properties.get('name')?.text ?? '',
    fields: Object.fromEntries(values),
    vms: (properties.get('vm')?.children ?? []).length,
    ...(on === undefined ? {} : { group: groupSeen(on, properties) }),
  }
}

function groupSeen(on: string, properties: ReadonlyMap<string, Element>): GroupSeen {
  const setting = properties.get('config.defaultPortConfig')
  const into = dvsShaping(at(setting, 'inShapingPolicy'))
  const out = dvsShaping(at(setting, 'outShapingPolicy'))
  const configVersion = properties.get('config.configVersion')?.text
  return {
    on,
    ...(configVersion === undefined ? {} : { configVersion }),
    vlan: vlanSeen(at(setting, 'vlan')),
    shaping: JSON.stringify(into) === JSON.stringify(out) ? into : null,
  }
}

function vlanSeen(vlan: Element | undefined): GroupSeen['vlan'] {
  switch (vlan?.type) {
    case 'VmwareDistributedVirtualSwitchVlanIdSpec':
      return { is: 'id', id: numberAt(vlan, 'vlanId') ?? -1 }
    case 'VmwareDistributedVirtualSwitchTrunkVlanSpec':
      return {
        is: 'trunk',
        ranges: all(vlan, 'vlanId').map((range) => [numberAt(range, 'start') ?? -1, numberAt(range, 'end') ?? -1]),
      }
    case 'VmwareDistributedVirtualSwitchPvlanSpec':
      return { is: 'secondary', id: numberAt(vlan, 'pvlanId') ?? -1 }
    default:
      return undefined
  }
}

function dvsShaping(policy: Element | undefined): ShapingSeen | undefined {
  if (flagAt(policy, 'enabled', 'value') !== true) return undefined
  const number = (name: string): number => numberAt(policy, name, 'value') ?? -1
  return { average: number('averageBandwidth'), peak: number('peakBandwidth'), burst: number('burstSize') }
}

export function hostNetworksOf(objects: readonly Collected[]): HostNetworks {
  const [object] = objects
  return {
    switches: all(object?.properties.get('networkInfo.vswitch'), 'HostVirtualSwitch').map(
      (one) => textAt(one, 'name') ?? '',
    ),
    groups: all(object?.properties.get('networkInfo.portgroup'), 'HostPortGroup').map((group) => {
      const policy = at(group, 'spec', 'policy', 'shapingPolicy')
      const number = (name: string): number => numberAt(policy, name) ?? -1
      const shaping =
        flagAt(policy, 'enabled') === true
          ? { average: number('averageBandwidth'), peak: number('peakBandwidth'), burst: number('burstSize') }
          : undefined
      return {
        name: textAt(group, 'spec', 'name') ?? '',
        on: textAt(group, 'spec', 'vswitchName') ?? '',
        vlan: numberAt(group, 'spec', 'vlanId') ?? -1,
        shaping,
      }
    }),
  }
}

export interface PrivateVlans {
  readonly configVersion: string
  readonly entries: readonly PrivateEntry[]
}

/** Of one switch's whole `config`. */
export function privateVlansOf(objects: readonly Collected[]): PrivateVlans {
  const config = objects[0]?.properties.get('config')
  return {
    configVersion: textAt(config, 'configVersion') ?? '',
    entries: all(config, 'pvlanConfig').map((entry) => ({
      primary: numberAt(entry, 'primaryVlanId') ?? -1,
      secondary: numberAt(entry, 'secondaryVlanId') ?? -1,
      type: textAt(entry, 'pvlanType') ?? '',
    })),
  }
}
