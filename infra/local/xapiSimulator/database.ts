/**
 * The simulated pool's database: XAPI's objects by class and reference, with the fields that networking needs, spelled as XAPI
 * spells them. In: what a pool is born with. Out: records that calls read and change. It knows no rules; calls.ts does.
 */
import { randomUUID } from 'node:crypto'

export type Field = string | number | boolean | readonly string[] | Readonly<Record<string, string>>
export type Stored = Record<string, Field>
export type ClassName = 'pool' | 'host' | 'network' | 'PIF' | 'PIF_metrics' | 'VLAN' | 'VM' | 'VIF' | 'Bond' | 'tunnel'

export const nothing = 'OpaqueRef:NULL'

export interface Database {
  readonly tables: Readonly<Record<ClassName, Map<string, Stored>>>
  /** @returns its reference */
  add(name: ClassName, record: Stored): string
}

export function createDatabase(): Database {
  const table = () => new Map<string, Stored>()
  const tables = {
    pool: table(),
    host: table(),
    network: table(),
    PIF: table(),
    PIF_metrics: table(),
    VLAN: table(),
    VM: table(),
    VIF: table(),
    Bond: table(),
    tunnel: table(),
  }
  return {
    tables,
    add: (name, record) => {
      const ref = `OpaqueRef:${randomUUID()}`
      tables[name].set(ref, { uuid: randomUUID(), ...record })
      return ref
    },
  }
}

/** An interface as a host is born with it. */
export interface NicSeed {
  readonly device: string
  /** The name_label of its network, which hosts of one pool share. */
  readonly network: string
  readonly carrier?: boolean
  readonly management?: boolean
  readonly managed?: boolean
}

export const nicRecord = (
  { device, managed = true, management = false }: NicSeed,
  host: string,
  network: string,
  metrics: string,
): Stored => ({
  device,
  host,
  network,
  VLAN: -1,
  MAC: 'aa:bb:cc:00:00:01',
  MTU: 1500,
  physical: true,
  managed,
  management,
  currently_attached: true,
  bond_slave_of: nothing,
  bond_master_of: [],
  VLAN_master_of: nothing,
  VLAN_slave_of: [],
  tunnel_access_PIF_of: [],
  tunnel_transport_PIF_of: [],
  metrics,
  other_config: {},
})

export const networkRecord = (name: string, bridge: string, given: Stored = {}): Stored => ({
  name_label: name,
  name_description: '',
  bridge,
  MTU: 1500,
  managed: true,
  PIFs: [],
  VIFs: [],
  other_config: {},
  tags: [],
  ...given,
})
