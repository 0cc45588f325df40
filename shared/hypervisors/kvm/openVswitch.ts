/**
 * Open vSwitch, where CloudStack prepares nothing for a network (FACTS C): every VM port carries its tag. Pure. In: the agent's
 * keys, what ovs-vsctl prints, a traffic label. Out: the bridges, and what a label's networks lack there.
 *
 * | guest traffic on Open vSwitch: the label's bridge         | finding               |
 * |-----------------------------------------------------------|-----------------------|
 * | the database cannot be read                               | OpenVswitchUnreadable |
 * | there is none of that name                                | BridgeMissing         |
 * | it has no port that leads out of the host                 | UplinkMissing         |
 * | it is down                                                | BridgeDown            |
 * | otherwise                                                 | none: nothing to create, and all is there |
 * | VXLAN, whatever the bridge                                | Unsupported           |
 */
import * as z from 'zod/mini'
import type { Finding } from '../driver.ts'
import { unreadable } from './commands.ts'
import type { AgentDevices, HostFacts, OpenVswitch, OvsBridge } from './facts.ts'
import type { Need } from './need.ts'
import { defaultPrivateDevice } from './uplink.ts'

/** FACTS B6: the driver of guest traffic, else the one for all, else by the type of bridges. */
export const usesOpenVswitch = (agent: AgentDevices | null): boolean =>
  agent?.guestDriver === undefined
    ? agent?.bridgeType?.toLowerCase() === 'openvswitch'
    : agent.guestDriver.endsWith('OvsVifDriver')

const uuid = z.tuple([z.literal('uuid'), z.string()])
/** A set of one is printed bare. */
const uuids = z.union([uuid, z.tuple([z.literal('set'), z.array(uuid)])])
const state = z.union([z.string(), z.tuple([z.literal('set'), z.array(z.string())])])
const tableOf = <T>(row: z.ZodMiniType<T>) => z.object({ data: z.array(row) })
const bridgeTable = tableOf(z.tuple([z.string(), uuids]))
const portTable = tableOf(z.tuple([uuid, z.string(), uuids, z.boolean()]))
const interfaceTable = tableOf(z.tuple([uuid, z.string(), z.string(), state]))

/** @throws Error when it is not what ovs-vsctl prints */
export function readOpenVswitch(text: string): OpenVswitch {
  const lines = text.trim().split('\n')
  if (lines.at(-1) === unreadable || lines[0] === '') return { unreadable: lines.slice(0, -1).join(' ').slice(0, 200) }
  const [bridges, ports, interfaces] = lines.map((line): unknown => JSON.parse(line))
  const parts = new Map(interfaceTable.parse(interfaces).data.map(([[, id], ...part]) => [id, part]))
  const known = new Map(
    portTable.parse(ports).data.map(([[, id], name, own, isFake]) => [id, { name, own: ids(own), isFake }]),
  )
  const states = new Map([...parts.values()].map(([name, , admin]) => [name, admin]))
  return {
    bridges: bridgeTable.parse(bridges).data.flatMap(([name, own]) => {
      const held = ids(own).flatMap((id) => known.get(id) ?? [])
      const isUplink = (port: { readonly own: readonly string[] }): boolean =>
        port.own.some((id) => leadsOut(parts.get(id)))
      const uplinks = held.filter((port) => isUplink(port)).map((port) => port.name)
      // A bridge that stands for one tag of another is a bridge to CloudStack too, and shares the uplinks.
      const names = [name, ...held.filter(({ isFake }) => isFake).map((port) => port.name)]
      return names.map((one): OvsBridge => ({ name: one, up: states.get(one) === 'up', uplinks }))
    }),
  }
}

const ids = (value: z.infer<typeof uuids>): readonly string[] =>
  value[0] === 'uuid' ? [value[1]] : value[1].map(([, id]) => id)

/** A device of the host or of DPDK that is there, and not a VM's. */
const leadsOut = (part: readonly [string, string, unknown] | undefined): boolean =>
  part !== undefined &&
  typeof part[2] === 'string' &&
  /^(|system|dpdk|afxdp(-nonpmd)?)$/.test(part[1]) &&
  !/^(vnet|tap)\d/.test(part[0])

/** What a label lacks; null where all is there. @param label null where CloudStack has none for this hypervisor */
export function lackingOnOvs(
  label: string | null,
  openVswitch: OpenVswitch,
  agent: AgentDevices | null,
): Pick<Finding, 'reason' | 'detail'> | null {
  const name = label ?? agent?.private ?? defaultPrivateDevice
  if ('unreadable' in openVswitch) {
    const detail = `The agent uses Open vSwitch, whose database cannot be read: ${openVswitch.unreadable || 'no answer'}.`
    return { reason: 'OpenVswitchUnreadable', detail }
  }
  const bridge = openVswitch.bridges.find((one) => one.name === name)
  if (bridge === undefined) return { reason: 'BridgeMissing', detail: `Open vSwitch has no bridge called ${name}.` }
  if (bridge.uplinks.length === 0)
    return {
      reason: 'UplinkMissing',
      detail: `The Open vSwitch bridge ${name} has no port that leads out of the host.`,
    }
  return bridge.up ? null : { reason: 'BridgeDown', detail: `The Open vSwitch bridge ${name} is down.` }
}

/** What one network lacks on a host with Open vSwitch; null: nothing is to be made, and all is there. */
export function wantedOnOvs(
  label: string | null,
  need: Exclude<Need['need'], 'nothing' | 'unsupported'>,
  openVswitch: OpenVswitch,
  { agent }: Pick<HostFacts, 'agent'>,
): Pick<Finding, 'reason' | 'detail'> | null {
  if (need === 'vxlan')
    return { reason: 'Unsupported', detail: 'CloudStack’s driver for Open vSwitch has no VXLAN networks (FACTS C).' }
  return lackingOnOvs(label, openVswitch, agent)
}
