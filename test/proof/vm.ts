/**
 * A VM's stand-in: a network namespace with a tap-like port in a bridge, and an address. And echoes between such. In: hosts,
 * names, addresses. Out: lines for a shell; how many echoes were answered.
 */
import type { BedHost } from '../../infra/local/bed/bed.ts'
import { pingProgram } from './proofHost.ts'

export interface Vm {
  /** At most 11 characters; its port is called `vnet` and this. */
  readonly name: string
  readonly bridge: string
  /** With its prefix length. */
  readonly address: string
  /** Of a VM that tags its frames itself. */
  readonly tag?: number
}

const portOf = ({ name }: Vm): string => `vnet${name}`

export async function startVms(host: BedHost, vms: readonly Vm[]): Promise<void> {
  await host.exec(vms.flatMap(linesOf).join(' && '))
}

function linesOf(vm: Vm): readonly string[] {
  const { name, bridge, address, tag } = vm
  const inside = tag === undefined ? 'eth0' : `eth0.${tag}`
  return [
    `ip netns add ${name}`,
    `ip link add ${portOf(vm)} type veth peer name eth0 netns ${name}`,
    `ip link set ${portOf(vm)} master ${bridge} up`,
    `ip -n ${name} link set eth0 up`,
    ...(tag === undefined ? [] : [`ip -n ${name} link add link eth0 name ${inside} type vlan id ${tag}`]),
    ...(tag === undefined ? [] : [`ip -n ${name} link set ${inside} up`]),
    `ip -n ${name} addr add ${address} dev ${inside}`,
  ]
}

export interface Echoes {
  readonly address: string
  readonly sent: number
  readonly answered: number
}

/**
 * Echoes every 50 ms from the host while something else happens, however long: the echoes are no command that is waited for.
 * @returns how many were answered; the last ones are waited for
 */
export async function pingWhile(
  host: BedHost,
  addresses: readonly string[],
  happens: () => Promise<unknown>,
): Promise<readonly Echoes[]> {
  const [over, echoes] = ['/run/over', '/run/echoes']
  const ping = `perl ${pingProgram} ${over} ${addresses.join(' ')} >${echoes}.part; mv ${echoes}.part ${echoes}`
  await host.exec(`rm -f ${over} ${echoes}; (${ping}) </dev/null >/dev/null 2>&1 &`)
  let said = ''
  try {
    await happens()
  } finally {
    said = await host.exec(`: >${over}; until [ -e ${echoes} ]; do sleep 0.1; done; cat ${echoes}`)
  }
  return said.trim().split('\n').map(readEchoes)
}

function readEchoes(line: string): Echoes {
  const [address = '', sent, answered] = line.split(' ')
  return { address, sent: Number(sent), answered: Number(answered) }
}

/** So many echoes to each. */
export async function pingTimes(
  host: BedHost,
  addresses: readonly string[],
  times: number,
  within: string,
): Promise<readonly Echoes[]> {
  const said = await host.exec(`ip netns exec ${within} perl ${pingProgram} ${times} ${addresses.join(' ')}`)
  return said.trim().split('\n').map(readEchoes)
}
