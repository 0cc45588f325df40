/**
 * Every command that the KVM driver runs on a host, whole and fixed: none is ever built from data, which travels through
 * stdin only (batch.ts). A simulated host answers these strings by equality.
 */
import { inTime, lock, path, script, vxlanLock } from './script.ts'

/** CloudStack's script for VXLAN, where its packages put it. A site may have its own in that place (FACTS B4). */
const modifyVxlan = '/usr/share/cloudstack-common/scripts/vm/network/vnet/modifyvxlan.sh'

/** The agent's own configuration (FACTS B6). It holds secrets too, so only the three device keys leave the host. */
const agentProperties = '/etc/cloudstack/agent/agent.properties'

/**
 * The sections of an observation, in the order in which they are printed. A `.bashrc` may print what it likes before the
 * first one, and `end` proves that nothing was cut off.
 */
export const sections = ['host', 'links', 'ipv6', 'kernel', 'routes', 'vxlanScript', 'agent', 'end'] as const
export type Section = (typeof sections)[number]

/** The line that begins a section. */
export const marker = (section: Section): string => `@@bridgekeeper:${section}@@`

/** Printed instead of the list of IPv6 switches by a kernel without IPv6. */
export const withoutIpv6 = 'without ipv6'
/** Printed before the agent's keys, where its file can be read. */
export const readable = 'readable'

/** Where the kernel says what is read in the section `kernel`, beside the link group of every device that has one. */
export const kernelFiles = {
  uptime: '/proc/uptime',
  igmpMaxMemberships: '/proc/sys/net/ipv4/igmp_max_memberships',
  optmemMax: '/proc/sys/net/core/optmem_max',
} as const

const mark = (section: Section): string => `echo '${marker(section)}'`

/**
 * Prints what observe.ts reads: hostname and boot id, all links, all disable_ipv6, marks, limits, multicast routes,
 * whether modifyvxlan.sh says `group` outside of a comment, the agent's device keys.
 */
export const observeCommand = [
  `${path}; export PATH`,
  'echo',
  mark('host'),
  'cat /proc/sys/kernel/hostname /proc/sys/kernel/random/boot_id',
  mark('links'),
  'ip -d -j link',
  mark('ipv6'),
  `if cd /proc/sys/net/ipv6/conf 2>/dev/null; then grep -Hs '' -- */disable_ipv6; else echo '${withoutIpv6}'; fi`,
  mark('kernel'),
  `cd /sys/class/net 2>/dev/null; grep -Hsv '^0$' -- */netdev_group ${Object.values(kernelFiles).join(' ')}`,
  mark('routes'),
  'ip -4 -j route show table main root 239.0.0.0/8 2>/dev/null',
  mark('vxlanScript'),
  `if [ ! -r ${modifyVxlan} ]; then echo absent; ` +
    `elif grep -Eq '^[^#]*[[:space:]]group[[:space:]]' ${modifyVxlan}; then echo multicast; else echo other; fi`,
  mark('agent'),
  `if [ -r ${agentProperties} ]; then echo '${readable}'; ` +
    `grep -Es '^[[:space:]]*(public|private|guest)[.]network[.]device' ${agentProperties}; fi`,
  mark('end'),
].join('; ')

/** How applyCommand ends when it did nothing, or not all. */
export const applyEnds = { lockFile: 74, locked: 75, late: 76, vxlanLocked: 77 } as const

/**
 * Applies a batch, piece by piece, under the host's lock, no phase of it after its deadline. On stdin: the deadline; then for
 * each piece a line with `vxlan` or `vlan` and the lengths of its phases in bytes, and the phases: lines for `ip -batch`, for
 * `sysctl`, for `ip -batch`. A piece with VXLAN devices holds CloudStack's own lock too (FACTS B4). Prints `PHASE CODE` of
 * each phase that did not run through: ip goes on after most errors (1), and some end the whole batch (255). A setting of a
 * device that is gone by now is no error.
 */
export const applyCommand = script(`read -r deadline
${inTime}
report() { [ "$2" -eq 0 ] || echo "$1 $2"; }
${lock(10, 'exit 75')}
while read -r kind create ipv6 up; do
  if [ "$kind" = vxlan ]; then
    ${vxlanLock('exit 77')}
  fi
  if [ "$create" -gt 0 ]; then
    in_time || exit 76
    head -c "$create" | ip -force -batch -; report create $?
  fi
  if [ "$ipv6" -gt 0 ]; then
    in_time || exit 76
    head -c "$ipv6" | sysctl -e -q -p -; report ipv6Off $?
  fi
  if [ "$up" -gt 0 ]; then
    in_time || exit 76
    head -c "$up" | ip -force -batch -; report up $?
  fi
  exec 8>&-
done
exit 0`)
