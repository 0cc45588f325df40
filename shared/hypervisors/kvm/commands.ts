/**
 * Every command that the KVM driver runs on a host, whole and fixed: none is ever built from data, which travels through
 * stdin only (batch.ts). A simulated host answers these strings by equality.
 */

/** A login shell may have a narrow or a strange PATH. */
const path = 'PATH=/usr/sbin:/sbin:/usr/bin:/bin'

/** The agent's own configuration (FACTS B6). It holds secrets too, so only the three device keys leave the host. */
const agentProperties = '/etc/cloudstack/agent/agent.properties'

/**
 * The sections of an observation, in the order in which they are printed. A `.bashrc` may print what it likes before the
 * first one, and `end` proves that nothing was cut off.
 */
export const sections = ['host', 'links', 'ipv6', 'agent', 'end'] as const
export type Section = (typeof sections)[number]

/** The line that begins a section. */
export const marker = (section: Section): string => `@@bridgekeeper:${section}@@`

/** Printed instead of the list of IPv6 switches by a kernel without IPv6. */
export const withoutIpv6 = 'without ipv6'
/** Printed before the agent's keys, where its file can be read. */
export const readable = 'readable'

const mark = (section: Section): string => `echo '${marker(section)}'`

/** Prints what observe.ts reads: hostname and boot id, all links, all disable_ipv6, the agent's device keys. */
export const observeCommand = [
  `${path}; export PATH`,
  'echo',
  mark('host'),
  'cat /proc/sys/kernel/hostname /proc/sys/kernel/random/boot_id',
  mark('links'),
  'ip -d -j link',
  mark('ipv6'),
  `if cd /proc/sys/net/ipv6/conf 2>/dev/null; then grep -Hs '' -- */disable_ipv6; else echo '${withoutIpv6}'; fi`,
  mark('agent'),
  `if [ -r ${agentProperties} ]; then echo '${readable}'; ` +
    `grep -Es '^[[:space:]]*(public|private|guest)[.]network[.]device' ${agentProperties}; fi`,
  mark('end'),
].join('; ')

/** Runs the lines on stdin, goes on after most errors (exit 1); some errors end the whole batch (exit 255). */
export const ipBatchCommand = `${path} ip -force -batch -`

/** Applies the settings on stdin; a device that is gone by now is no error. */
export const sysctlCommand = `${path} sysctl -e -q -p -`
