/**
 * The groups and private VLANs that are sent to vCenter, set up as CloudStack does (FACTS E): CloudStack's global defaults for
 * security, its shaping of a rate, nothing about teaming. In: a group. Out: the elements of a method's arguments.
 */
import type { PrivateEntry } from './facts.ts'
import { type Group, shapingOf, type Vlan } from './names.ts'
import { element, value, type Written } from './xml.ts'

/** CloudStack's `vmware.ports.per.dvportgroup`; they grow by themselves. */
const ports = 256

/** A group of a host's own switch; an untagged one, too, has an id: 0. */
export function hostGroupSpec({ name, on, vlan, rate }: Group): Written {
  const shaping = shapingOf(rate)
  return element('portgrp', [
    value('name', name),
    value('vlanId', vlan.is === 'id' ? vlan.id : 0),
    value('vswitchName', on.name),
    element('policy', [
      element('security', [
        value('allowPromiscuous', false),
        value('macChanges', true),
        value('forgedTransmits', true),
      ]),
      ...(shaping === undefined
        ? []
        : [
            element('shapingPolicy', [
              value('enabled', true),
              value('averageBandwidth', shaping.average),
              value('peakBandwidth', shaping.peak),
              value('burstSize', shaping.burst),
            ]),
          ]),
    ]),
  ])
}

/** @param learnsMac whether vCenter and the switch know the newer policy for MAC addresses */
export const newGroupSpec = (group: Group, learnsMac: boolean): Written =>
  element('spec', [
    value('name', group.name),
    value('numPorts', ports),
    value('portNameFormat', 'vnic<portIndex>'),
    portSetting(group, [
      element('securityPolicy', [
        value('inherited', false),
        policy('allowPromiscuous', false),
        policy('macChanges', true),
        policy('forgedTransmits', true),
      ]),
      ...(learnsMac ? [macManagement] : []),
    ]),
    value('type', 'earlyBinding'),
    value('autoExpand', true),
  ])

/** VLAN and shaping alone: what else was set on the group stays. */
export const changedGroupSpec = (group: Group, configVersion: string | undefined): Written =>
  element('spec', [
    ...(configVersion === undefined ? [] : [value('configVersion', configVersion)]),
    value('name', group.name),
    portSetting(group, []),
    value('type', 'earlyBinding'),
  ])

const policy = (name: string, allowed: boolean): Written =>
  element(name, [value('inherited', false), value('value', allowed)])

const macManagement = element('macManagementPolicy', [
  value('inherited', false),
  value('allowPromiscuous', false),
  value('macChanges', true),
  value('forgedTransmits', true),
  element('macLearningPolicy', [value('inherited', false), value('enabled', false)]),
])

/** In the order of vCenter's schema: shaping, VLAN, security. */
function portSetting({ vlan, rate }: Group, security: readonly Written[]): Written {
  return element(
    'defaultPortConfig',
    [dvsShaping('inShapingPolicy', rate), dvsShaping('outShapingPolicy', rate), vlanSpec(vlan), ...security],
    'VMwareDVSPortSetting',
  )
}

function dvsShaping(name: string, rate: number): Written {
  const shaping = shapingOf(rate)
  const number = (one: string, amount: number): Written =>
    element(one, [value('inherited', false), value('value', amount)])
  return element(name, [
    value('inherited', false),
    policy('enabled', shaping !== undefined),
    ...(shaping === undefined
      ? []
      : [
          number('averageBandwidth', shaping.average),
          number('peakBandwidth', shaping.peak),
          number('burstSize', shaping.burst),
        ]),
  ])
}

function vlanSpec(vlan: Vlan): Written {
  const inherited = value('inherited', false)
  switch (vlan.is) {
    case 'id':
      return element('vlan', [inherited, value('vlanId', vlan.id)], 'VmwareDistributedVirtualSwitchVlanIdSpec')
    case 'trunk':
      return element(
        'vlan',
        [
          inherited,
          ...vlan.ranges.map(([start, end]) => element('vlanId', [value('start', start), value('end', end)])),
        ],
        'VmwareDistributedVirtualSwitchTrunkVlanSpec',
      )
    case 'private':
      return element('vlan', [inherited, value('pvlanId', vlan.secondary)], 'VmwareDistributedVirtualSwitchPvlanSpec')
  }
}

export const privateVlanSpec = (configVersion: string, entries: readonly PrivateEntry[]): Written =>
  element(
    'spec',
    [
      value('configVersion', configVersion),
      ...entries.map(({ primary, secondary, type }) =>
        element('pvlanConfigSpec', [
          element('pvlanEntry', [
            value('primaryVlanId', primary),
            value('secondaryVlanId', secondary),
            value('pvlanType', type),
          ]),
          value('operation', 'add'),
        ]),
      ),
    ],
    'VMwareDVSConfigSpec',
  )

/** CloudStack's own test for the newer policy: vCenter 6.7 and a switch of 6.6.0, or later. */
export const learnsMac = (apiVersion: string, switchVersion: string): boolean =>
  isAtLeast(apiVersion, [6, 7]) && isAtLeast(switchVersion, [6, 6])

function isAtLeast(version: string, least: readonly number[]): boolean {
  const numbers = version.split('.').map(Number)
  const at = least.findIndex((number, index) => (numbers[index] ?? 0) !== number)
  return at < 0 || (numbers[at] ?? 0) > (least[at] ?? 0)
}
