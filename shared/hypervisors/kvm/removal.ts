/**
 * Removes one orphan over a connection. In: the orphan of a look, the mark, the deadline. Out: whether it is gone, or why its
 * devices were left; the judging and the steps are the host's own (removalCommand.ts).
 */
import type { Orphan, Removal } from '../driver.ts'
import { isMark } from './batch.ts'
import type { Commands } from './host.ts'
import { asideBridge, asideDevice, isPlainName, vxlanGroup } from './names.ts'
import { madeForOrphan } from './orphans.ts'
import { removalCommand, removalMarker } from './removalCommand.ts'

/**
 * @param deadline on the host's own boot clock, in hundredths of a second
 * @throws HostError when the host did not answer
 */
export async function remove(commands: Commands, orphan: Orphan, group: number, deadline: number): Promise<Removal> {
  const input = removalInput(orphan, group, deadline)
  if (input === null) return { kept: 'its names are not those of a network that is made here' }
  return readRemoval(await commands.exec(removalCommand, input))
}

/** What removalCommand reads; null for an orphan whose names must not reach it. */
export function removalInput(orphan: Orphan, group: number, deadline: number): string | null {
  const made = madeForOrphan(orphan)
  if (made === null || !isMark(group) || !Number.isSafeInteger(deadline)) return null
  const { bridge, device, kind } = made
  if (![bridge, device, asideBridge(bridge), asideDevice(device)].every(isPlainName)) return null
  return [deadline, group, bridge, device, kind, made.vni === null ? '' : vxlanGroup(made.vni), ''].join('\n')
}

/** Anything but its own last words is taken to mean that nothing was removed. */
export function readRemoval({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): Removal {
  const lines = stdout.split('\n')
  const verdict = lines[lines.lastIndexOf(removalMarker) + 1]
  if (lines.includes(removalMarker) && verdict === 'removed') return { removed: true }
  const [, why] = /^kept: (.+)$/.exec(verdict ?? '') ?? []
  return { kept: why ?? `the host did not say what it did: ${stderr.trim().slice(0, 200)}` }
}
