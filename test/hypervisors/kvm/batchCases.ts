/** Batches with faults in them: what `ip -force -batch` makes of each, asked of the simulated kernel and of a real one. */

export interface BatchCase {
  readonly says: string
  readonly lines: readonly string[]
  readonly code: number
  /** The links that are there afterwards, of those called t…, with their masters. */
  readonly leaves: readonly string[]
}

const bridge = (name: string): string => `link add name ${name} group 4814 type bridge`
const vlan = (name: string, id: number | string, rest = ''): string =>
  `link add link eth1 name ${name} group 4814 ${rest} type vlan id ${id}`

const vxlan = (name: string, id: number, group = '239.0.0.5', dev = 'eth1'): string =>
  `link add name ${name} group 4814 type vxlan id ${id} group ${group} ttl 10 dev ${dev} dstport 0`

export const batchCases: readonly BatchCase[] = [
  {
    says: 'a right batch',
    lines: [bridge('tb'), vlan('tv', 9, 'master tb'), 'link set dev tb up', 'link set dev tv up'],
    code: 0,
    leaves: ['tb', 'tv in tb'],
  },
  {
    says: 'a name that exists is passed over',
    lines: [bridge('tb'), bridge('tb'), bridge('tc')],
    code: 1,
    leaves: ['tb', 'tc'],
  },
  {
    says: 'a tag that the parent has already is passed over',
    lines: [vlan('tv', 9), vlan('tw', 9), bridge('tb')],
    code: 1,
    leaves: ['tb', 'tv'],
  },
  {
    says: 'a parent that is missing is passed over',
    lines: ['link add link tnone name tv type vlan id 9', bridge('tb')],
    code: 1,
    leaves: ['tb'],
  },
  {
    says: 'a device that is missing is passed over',
    lines: ['link set dev tnone up', bridge('tb')],
    code: 1,
    leaves: ['tb'],
  },
  {
    says: 'a master that is missing ends the batch',
    lines: [bridge('tb'), vlan('tv', 9, 'master tnone'), bridge('tc')],
    code: 255,
    leaves: ['tb'],
  },
  {
    says: 'a master that is missing ends the batch on set too',
    lines: [bridge('tb'), 'link set dev tb master tnone', bridge('tc')],
    code: 255,
    leaves: ['tb'],
  },
  {
    says: 'a name of 16 characters ends the batch',
    lines: [bridge('tsixteen-letters'), bridge('tb')],
    code: 255,
    leaves: [],
  },
  {
    says: 'a name of 15 characters is taken',
    lines: [bridge('tfifteen-letter')],
    code: 0,
    leaves: ['tfifteen-letter'],
  },
  { says: 'an id that is no number ends the batch', lines: [vlan('tv', 'x'), bridge('tb')], code: 255, leaves: [] },
  { says: 'the id 4095 is refused and passed over', lines: [vlan('tv', 4095), bridge('tb')], code: 1, leaves: ['tb'] },
  { says: 'the id 0 is taken', lines: [vlan('tv', 0)], code: 0, leaves: ['tv'] },
  {
    says: 'master takes a port out of another bridge',
    lines: [bridge('tb'), bridge('tc'), vlan('tv', 9, 'master tb'), 'link set dev tv master tc'],
    code: 0,
    leaves: ['tb', 'tc', 'tv in tc'],
  },
  {
    says: 'a device that is down gets another name, and its port goes with it',
    lines: [bridge('tb'), vlan('tv', 9, 'master tb'), 'link set dev tb name tc'],
    code: 0,
    leaves: ['tc', 'tv in tc'],
  },
  {
    says: 'a name that exists is not given',
    lines: [bridge('tb'), bridge('tc'), 'link set dev tb name tc'],
    code: 1,
    leaves: ['tb', 'tc'],
  },
  {
    says: 'a device that is up gets another name only when it is down',
    lines: [
      bridge('tb'),
      'link set dev tb up',
      'link set dev tb name tc',
      'link set dev tb down',
      'link set dev tb name td',
    ],
    code: 1,
    leaves: ['td'],
  },
  { says: 'an object that ip does not know is passed over', lines: ['lnk add', bridge('tb')], code: 1, leaves: ['tb'] },
  {
    says: 'a verb that ip link does not know ends the batch',
    lines: ['link frob tb', bridge('tb')],
    code: 255,
    leaves: [],
  },
  {
    says: 'a VXLAN device in its bridge',
    lines: [
      bridge('tb'),
      'link add name tx group 4814 master tb type vxlan id 5 group 239.0.0.5 ttl 10 dev eth1 dstport 0',
      'link set dev tb up',
      'link set dev tx up',
    ],
    code: 0,
    leaves: ['tb', 'tx in tb'],
  },
  {
    says: 'a VNI that another device carries is passed over',
    lines: [vxlan('tx', 5), vxlan('ty', 5), bridge('tb')],
    code: 1,
    leaves: ['tb', 'tx'],
  },
  {
    says: 'an underlay that is missing ends the batch',
    lines: [vxlan('tx', 5, '239.0.0.5', 'tnone'), bridge('tb')],
    code: 255,
    leaves: [],
  },
  {
    says: 'a VNI of more than 24 bits ends the batch',
    lines: [vxlan('tx', 2 ** 24), bridge('tb')],
    code: 255,
    leaves: [],
  },
  {
    says: 'a group that is no multicast ends the batch',
    lines: [vxlan('tx', 5, '10.0.0.5'), bridge('tb')],
    code: 255,
    leaves: [],
  },
  {
    says: 'a route on a device that is missing is passed over',
    lines: ['route add 239.0.0.5 dev tnone proto 148', bridge('tb')],
    code: 1,
    leaves: ['tb'],
  },
  {
    says: 'a route on a device that is down is passed over, and one that exists',
    lines: [
      bridge('tb'),
      'route add 239.0.0.5 dev tb proto 148',
      'link set dev tb up',
      'route add 239.0.0.5 dev tb proto 148',
      'route add 239.0.0.5 dev tb',
      bridge('tc'),
    ],
    code: 1,
    leaves: ['tb', 'tc'],
  },
  { says: 'empty lines and comments are nothing', lines: ['', '# a comment', bridge('tb')], code: 0, leaves: ['tb'] },
]
