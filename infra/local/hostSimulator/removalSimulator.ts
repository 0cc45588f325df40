/**
 * The simulated removalCommand: the steps of the real one, in its order, on a simulated kernel, with somebody who may act
 * at each of them. In: a simulated host, and what is on stdin. Out: what the real one prints.
 */

import { asideBridge, asideDevice, routeProtocol } from '../../../shared/hypervisors/kvm/names.ts'
import { type RemovalStep, removalMarker } from '../../../shared/hypervisors/kvm/removalCommand.ts'
import type { Answered } from './batchSimulator.ts'
import { type ObservedHost, uptimeOf } from './observationSimulator.ts'

/** Thrown at a step: the command is ended there by SIGKILL. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

/** Why the pair is left as it was. */
class Spared extends Error {
  override readonly name = 'Spared'
}

export function simulateRemoval(host: ObservedHost, input: string): Answered {
  const said = (text: string): Answered => ({ code: 0, stderr: '', stdout: `\n${removalMarker}\n${text}\n` })
  try {
    removePair(host, input)
    return said('removed')
  } catch (error) {
    if (error instanceof Killed) return { code: 137, stderr: '', stdout: '' }
    if (error instanceof Spared) return said(`kept: ${error.message}`)
    throw error
  }
}

function removePair(host: ObservedHost, input: string): void {
  const [deadline = '', mark = '', bridge = '', device = '', kind = '', destination = ''] = input.split('\n')
  const { kernel } = host
  const aside = { bridge: asideBridge(bridge), device: asideDevice(device) }
  const is = (name: string): boolean => kernel.find(name) !== undefined
  const at = (step: RemovalStep): void => host.atRemovalStep?.(step)
  const must = (refusal: string | null): void => {
    if (refusal !== null) spare(refusal)
  }
  const inTime = (): boolean => uptimeOf(host) < Number(deadline)

  const spare = (why: string): never => {
    for (const [own, other] of [[bridge, aside.bridge] as const, [device, aside.device] as const]) {
      if (is(other) && !is(own)) {
        kernel.setDown(other)
        kernel.rename(other, own)
      }
    }
    for (const own of [bridge, device]) if (kernel.find(own)?.group === Number(mark)) kernel.setUp(own)
    throw new Spared(why)
  }
  const unused = (name: string, wanted: string, other: string): void => {
    const found = kernel.find(name)
    if (found?.group !== Number(mark)) spare(`${name} does not carry the mark`)
    if (found?.kind !== wanted) spare(`${name} is no ${wanted} device`)
    for (const user of kernel.links()) {
      if ((user.master === name || user.parent === name) && user.name !== other) spare(`${user.name} is on ${name}`)
    }
    if (found?.master != null && found.master !== other) spare(`${name} is in ${found.master}`)
  }
  const idle = (): void => {
    if (now.bridge !== '') unused(now.bridge, 'bridge', now.device)
    if (now.device !== '') unused(now.device, kind, now.bridge)
    if (now.bridge !== bridge && is(bridge)) return
    if (host.domainBridges === null) spare('the libvirt domains cannot all be read')
    if (host.domainBridges?.includes(bridge)) spare('a libvirt domain or network names it')
  }

  const dropRoute = (): void => {
    if (destination !== '') kernel.deleteRoute(destination, routeProtocol)
  }

  const now = {
    bridge: is(aside.bridge) ? aside.bridge : is(bridge) ? bridge : '',
    device: is(aside.device) ? aside.device : is(device) ? device : '',
  }
  const master = kernel.find(now.device)?.master ?? now.bridge
  if (now.device !== '' && master !== now.bridge) {
    if (now.device !== device || now.bridge !== aside.bridge) spare(`${now.device} is in ${master}`)
    now.device = ''
  }
  if (now.bridge + now.device === '') {
    if (inTime()) dropRoute()
    return
  }
  if (!inTime()) throw new Spared('its deadline is over')
  idle()
  at('checked')
  if (now.bridge !== '' && now.bridge !== aside.bridge) {
    must(kernel.setDown(now.bridge))
    at('down')
    must(kernel.rename(now.bridge, aside.bridge))
    now.bridge = aside.bridge
    at('bridgeAside')
  }
  if (now.device !== '' && now.device !== aside.device) {
    must(kernel.setDown(now.device))
    at('deviceDown')
    must(kernel.rename(now.device, aside.device))
    now.device = aside.device
  }
  at('aside')
  if (!inTime()) spare('its deadline is over')
  idle()
  at('judged')
  if (now.device !== '') must(kernel.delete(now.device))
  at('deviceGone')
  if (now.bridge !== '') must(kernel.delete(now.bridge))
  at('gone')
  dropRoute()
}
