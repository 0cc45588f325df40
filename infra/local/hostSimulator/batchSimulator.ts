/**
 * The simulated applyCommand: `ip -force -batch -` and `sysctl -e -q -p -`. In: a simulated kernel, and what is on stdin. Out:
 * exit code and output as the real programs answer: most refusals leave the batch running (exit 1 at the end), an argument
 * that makes no sense ends it there (exit 255).
 */

import { isIPv4 as isIpv4 } from 'node:net'
import { applyEnds } from '../../../shared/hypervisors/kvm/commands.ts'
import type { VxlanScript } from '../../../shared/hypervisors/kvm/facts.ts'
import type { NewLink, Refusal, SimulatedKernel } from './kernel.ts'

export interface Outcome {
  readonly code: number
  readonly stderr: string
}

export interface Answered extends Outcome {
  readonly stdout: string
}

/** An argument that iproute2 itself refuses: it ends the whole batch. */
class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument'
}

export function simulateIpBatch(kernel: SimulatedKernel, input: string): Outcome {
  const errors: string[] = []
  for (const [index, line] of input.split('\n').entries()) {
    const words = line.split('#')[0]?.split(/\s+/).filter(Boolean) ?? []
    if (words.length === 0) continue
    try {
      const refusal = ipLine(kernel, words)
      if (refusal !== null) errors.push(refusal, `Command failed -:${index + 1}`)
    } catch (error) {
      if (!(error instanceof InvalidArgument)) throw error
      return { code: 255, stderr: [...errors, error.message, ''].join('\n') }
    }
  }
  return { code: errors.length > 0 ? 1 : 0, stderr: errors.map((error) => `${error}\n`).join('') }
}

/**
 * The simulated applyCommand up to its look, with its locks left out: nobody else is on a simulated host at the same time.
 * @returns also what is left of its input for that look; absent where it was broken off
 */
export function simulateApply(
  kernel: SimulatedKernel,
  input: string,
  uptime: () => number,
  script: VxlanScript = 'absent',
): Answered & { readonly rest?: string } {
  const [header = '', deadline, length] = /^(\d+)\n(\d+)\n/.exec(input) ?? []
  const answer = { code: 0, stderr: '', stdout: '' }
  const batch = input.slice(header.length, header.length + Number(length))
  if (batch.length !== Number(length)) return { ...answer, code: applyEnds.cut }
  const parts = batch.split(';').slice(0, -1)
  for (let at = 0; at < parts.length; at += 1 + phases.length) {
    const kind = parts[at]
    if (kind !== 'vlan' && kind !== 'vxlan' && kind !== 'script')
      throw new Error(`a piece of a batch is of the kind ${kind}`)
    for (const [index, { phase, run }] of phases.entries()) {
      const text = parts[at + 1 + index]
      if (text === undefined) throw new Error(`a piece of a batch has no ${phase}`)
      if (text === '') continue
      if (uptime() >= Number(deadline)) return { ...answer, code: applyEnds.late }
      const isScript = kind === 'script' && phase === 'create'
      const { code, stderr } = isScript ? simulateScript(kernel, text, script) : run(kernel, text)
      answer.stderr += stderr
      if (code !== 0) answer.stdout += `${phase} ${code}\n`
    }
  }
  return { ...answer, rest: input.slice(header.length + batch.length) }
}

/** A site's own modifyvxlan.sh, for EVPN, or CloudStack's: VNI, underlay and bridge a line. What is there by name is completed. */
function simulateScript(kernel: SimulatedKernel, input: string, script: VxlanScript): Outcome {
  if (script === 'absent') return { code: 1, stderr: 'modifyvxlan.sh: No such file or directory\n' }
  for (const line of input.split('\n').filter((one) => one !== '')) {
    const [vni = '', underlay = '', bridge = ''] = line.split(' ')
    const name = `vxlan${vni}`
    const born = { name, kind: 'vxlan', vni: Number(vni), disableIpv6: true }
    const group = `239.${Number(vni) >> 16}.${(Number(vni) >> 8) & 255}.${Number(vni) & 255}`
    kernel.add(script === 'other' ? born : { ...born, parent: underlay, multicast: group })
    kernel.add({ name: bridge, kind: 'bridge', disableIpv6: true })
    kernel.enslave(name, bridge)
    for (const device of [name, bridge]) kernel.setUp(device)
  }
  return { code: 0, stderr: '' }
}

const phases = [
  { phase: 'create', run: simulateIpBatch },
  { phase: 'ipv6Off', run: simulateSysctl },
  { phase: 'up', run: simulateIpBatch },
] as const

/** Keys are in the slash form; one that does not exist is passed over, as -e asks. */
export function simulateSysctl(kernel: SimulatedKernel, input: string): Outcome {
  for (const line of input.split('\n')) {
    const [, name] = /^net\/ipv6\/conf\/([^/]+)\/disable_ipv6 ?= ?1$/.exec(line) ?? []
    if (name !== undefined) kernel.disableIpv6(name)
    else if (line !== '') return { code: 1, stderr: `the simulated sysctl does not know: ${line}\n` }
  }
  return { code: 0, stderr: '' }
}

function ipLine(kernel: SimulatedKernel, words: readonly string[]): Refusal {
  const [object, verb, ...rest] = words
  if (object === 'link' && verb === 'add') return linkAdd(kernel, rest)
  if (object === 'link' && verb === 'set') return linkSet(kernel, rest)
  if (object === 'route' && verb === 'add') return routeAdd(kernel, rest)
  if (object !== 'link') return `Object "${object}" is unknown, try "ip help".`
  throw new InvalidArgument(`Command "${verb}" is unknown, try "ip link help".`)
}

function routeAdd(kernel: SimulatedKernel, [destination = '', ...words]: readonly string[]): Refusal {
  const { dev = '', proto = '3' } = optionsOf(words, ['dev', 'proto'])
  if (!isIpv4(destination))
    throw new InvalidArgument(`Error: any valid prefix is expected rather than "${destination}".`)
  return kernel.addRoute({ destination, device: dev, protocol: Number(proto) })
}

function linkAdd(kernel: SimulatedKernel, words: readonly string[]): Refusal {
  // The words behind the type are its own: `group` is the link's before it, and a multicast group after it.
  const own = words.indexOf('type') + 2
  const options = optionsOf(words.slice(0, own), ['name', 'link', 'group', 'master', 'type'])
  const { id, ...vxlan } = optionsOf(words.slice(own), ['id', 'group', 'ttl', 'dev', 'dstport'])
  const { name, link, group = '0', master, type } = options
  if (name === undefined || type === undefined)
    throw new InvalidArgument('Not enough information: "dev" argument is required.')
  if (!isKernelName(name)) throw new InvalidArgument(`Error: argument "${name}" is wrong: "name" not a valid ifname`)
  if (!/^\d+$/.test(group)) throw new InvalidArgument(`Error: argument "${group}" is wrong: Invalid "group" value`)
  if (id !== undefined && !/^\d{1,8}$/.test(id))
    throw new InvalidArgument(`Error: argument "${id}" is wrong: id is invalid`)
  checkMaster(kernel, master)
  const born: NewLink = { name, kind: type, group: Number(group), master: master ?? null }
  if (type === 'bridge') return kernel.add(born)
  if (type === 'vxlan') return vxlanAdd(kernel, { ...born, vni: Number(id) }, vxlan)
  if (type !== 'vlan') throw new InvalidArgument(`Unknown device type: ${type}`)
  if (link === undefined) return 'RTNETLINK answers: Invalid argument'
  return kernel.add({ ...born, parent: link, vlanId: Number(id) })
}

function vxlanAdd(kernel: SimulatedKernel, born: NewLink, options: Options): Refusal {
  const { group, dev, dstport = '0' } = options
  if (!(Number(born.vni) <= 0xffffff)) throw new InvalidArgument(`Error: argument "${born.vni}" is wrong: invalid id`)
  if (dstport !== '0') throw new InvalidArgument(`the simulated kernel knows no UDP port ${dstport}`)
  if (group === undefined || !isIpv4(group) || !/^2[23]\d\./.test(group))
    throw new InvalidArgument(`Error: argument "${group}" is wrong: invalid group address`)
  if (dev === undefined || kernel.find(dev) === undefined) throw new InvalidArgument(`Cannot find device "${dev}"`)
  return kernel.add({ ...born, parent: dev, multicast: group })
}

function linkSet(kernel: SimulatedKernel, words: readonly string[]): Refusal {
  const [up, down] = [words.includes('up'), words.includes('down')]
  const options = optionsOf(
    words.filter((word) => word !== 'up' && word !== 'down'),
    ['dev', 'master', 'name'],
  )
  const { dev, master, name } = options
  if (dev === undefined) throw new InvalidArgument('Not enough information: "dev" argument is required.')
  checkMaster(kernel, master)
  if (name !== undefined) return kernel.rename(dev, name)
  const refusal = master === undefined ? null : kernel.enslave(dev, master)
  if (refusal !== null) return refusal
  return down ? kernel.setDown(dev) : up ? kernel.setUp(dev) : null
}

type Options = Readonly<Record<string, string | undefined>>

function optionsOf(words: readonly string[], known: readonly string[]): Options {
  const options: Record<string, string> = {}
  for (let at = 0; at < words.length; at += 2) {
    const [key = '', value] = [words[at], words[at + 1]]
    if (!known.includes(key)) throw new InvalidArgument(`Error: either "dev" is duplicate, or "${key}" is a garbage.`)
    if (value === undefined) throw new InvalidArgument('Command line is not complete. Try option "help"')
    options[key] = value
  }
  return options
}

/** A master that does not exist ends the batch (docs/kernel.md). */
function checkMaster(kernel: SimulatedKernel, master: string | undefined): void {
  if (master !== undefined && kernel.find(master) === undefined) {
    throw new InvalidArgument(`Error: argument "${master}" is wrong: Device does not exist`)
  }
}

function isKernelName(name: string): boolean {
  return name.length <= 15 && name !== '.' && name !== '..' && !/[/:]/.test(name)
}
