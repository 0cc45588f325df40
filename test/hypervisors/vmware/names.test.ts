import { describe, expect, it } from 'vitest'
import { shapingOf, switchOf, wantedGroup } from '../../../shared/hypervisors/vmware/names.ts'

describe('the switch that a traffic label names', () => {
  it.each([
    [null, { kind: 'standard', name: 'vSwitch0' }],
    ['', { kind: 'standard', name: 'vSwitch0' }],
    ['vSwitch1', { kind: 'standard', name: 'vSwitch1' }],
    ['vSwitch1,100', { kind: 'standard', name: 'vSwitch1' }],
    ['vSwitch1,,vmwaresvs', { kind: 'standard', name: 'vSwitch1' }],
    ['dvSwitch1,100,vmwaredvs', { kind: 'distributed', name: 'dvSwitch1' }],
    [',,vmwaredvs', { kind: 'distributed', name: 'dvSwitch0' }],
  ])('%s', (label, expected) => expect(switchOf(label)).toEqual(expected))

  it.each(['epp0,,nexusdvs', 'a,b,c,d', 'a/b', 'a%2fb', 'v'.repeat(65), 'a\nb'])('%j is not provided', (label) =>
    expect(switchOf(label)).toMatchObject({ reason: 'Unsupported' }),
  )
})

describe('the group of one network', () => {
  const trunk = (...ranges: (readonly [number, number])[]) => ({ is: 'trunk', ranges })
  it.each([
    ['vSwitch0', 'vlan://100', 200, 'cloud.guest.100.200.1-vSwitch0', { is: 'id', id: 100 }, true],
    ['vSwitch0', 'vlan://untagged', 0, 'cloud.guest.untagged.0.1-vSwitch0', { is: 'id', id: 0 }, false],
    ['vSwitch0', 'vlan://4095', 0, 'cloud.guest.4095.0.1-vSwitch0', { is: 'id', id: 4095 }, true],
    ['dv1,,vmwaredvs', 'vlan://100', 0, 'cloud.guest.100.0.1-dv1', { is: 'id', id: 100 }, true],
    ['dv1,,vmwaredvs', 'vlan://untagged', 0, 'cloud.guest.untagged.0.1-dv1', trunk([0, 0]), false],
    ['dv1,,vmwaredvs', 'vlan://4095', 0, 'cloud.guest.4095.0.1-dv1', trunk([0, 4094]), true],
    ['dv1,,vmwaredvs', 'vlan://1741-1760', 200, 'cloud.guest.1741-1760.200.1-dv1', trunk([1741, 1760]), true],
    ['dv1,,vmwaredvs', 'vlan://5,7-9', 0, 'cloud.guest.5,7-9.0.1-dv1', trunk([5, 5], [7, 9]), true],
    [
      'dv1,,vmwaredvs',
      'pvlan://100-i200',
      0,
      'cloud.guest.100.s200.0.1-dv1',
      { is: 'private', primary: 100, secondary: 200, type: 'isolated' },
      true,
    ],
    [
      'dv1,,vmwaredvs',
      'pvlan://100-p100',
      0,
      'cloud.guest.100.s100.0.1-dv1',
      { is: 'private', primary: 100, secondary: 100, type: 'promiscuous' },
      true,
    ],
  ] as const)('%s, %s at %i Mbit/s', (label, uri, rate, name, vlan, isTagged) =>
    expect(wantedGroup(label, uri, rate)).toMatchObject({ name, vlan, rate, isTagged }),
  )

  it.each([
    ['vSwitch0', 'vlan://100-200'],
    ['vSwitch0', 'pvlan://100-i200'],
    ['vSwitch0', 'vlan://5000'],
    ['dv1,,vmwaredvs', 'vlan://5000'],
    ['dv1,,vmwaredvs', 'vlan://9-5'],
    ['dv1,,vmwaredvs', 'vlan://1-4095'],
    ['dv1,,vmwaredvs', 'vlan://5;7'],
    ['dv1,,vmwaredvs', 'pvlan://100-i100'],
    ['dv1,,vmwaredvs', 'pvlan://100-p200'],
    ['dv1,,vmwaredvs', 'pvlan://5000-i1'],
    ['dv1,,vmwaredvs', 'vxlan://100'],
    ['dv1,,vmwaredvs', 'vs://100'],
    ['dv1,,vmwaredvs', 'lswitch:1'],
    ['epp0,,nexusdvs', 'vlan://100'],
    [`${'d'.repeat(60)},,vmwaredvs`, 'vlan://100-200'],
  ])('none on %s for %s', (label, uri) => expect(wantedGroup(label, uri, 200)).toMatchObject({ reason: 'Unsupported' }))
})

describe('shaping', () => {
  it('is CloudStack’s of a rate', () =>
    expect(shapingOf(200)).toEqual({ average: 209_715_200, peak: 314_572_800, burst: 131_072_000 }))
  it('is none without a rate', () => expect(shapingOf(0)).toBeUndefined())
  it('drops fractions', () => expect(shapingOf(3)).toEqual({ average: 3_145_728, peak: 4_718_592, burst: 1_966_080 }))
})
