/**
 * SSH host keys as a run meets them: those that the store keeps, beside those of a known_hosts file where there is one. In: a
 * host, or the jump host. Out: the keys on record. A key taken on first sight is kept only if there was none by then, and
 * leaves a line in the history; one that was not trusted is kept apart, for an operator to compare and accept.
 */
import { HostError } from '../hypervisors/driver.ts'
import { type HostKeys, type HostKeyTarget, longestKey, shownKey } from '../hypervisors/kvm/hostKeys.ts'
import { placeOf } from '../hypervisors/kvm/jumpHost.ts'
import type { Ports } from '../runtime/ports.ts'
import { firstKey, keyRefused } from '../store/hostKeyWrites.ts'
import { jumpKeyKey, readSshKeys, sshKeyKey } from '../store/items.ts'
import type { Key } from '../store/store.ts'
import { type Keeping, recordAct } from './history.ts'

export function keptHostKeys(ports: Ports, keeping: Keeping, file: HostKeys | undefined): Required<HostKeys> {
  const { store, now } = ports
  return {
    known: async (target) => [
      ...readSshKeys(await store.get(keyOf(target))).keys,
      ...((await file?.known(target)) ?? []),
    ],
    accept: async (target, key) => {
      const by = { source: 'accept-new', by: 'accept-new', at: now() } as const
      if ((await store.update(firstKey(keyOf(target), key, by))) === undefined) {
        if (readSshKeys(await store.get(keyOf(target))).keys.includes(key)) return
        const seen = `presents ${shownKey(key)}, and other keys of it were put on record just now`
        throw new HostError('jump' in target ? 'JumpHostUntrusted' : 'HostKeyChanged', `${placeOf(target)} ${seen}.`)
      }
      await recordAct(ports, keeping, historyPlace(target), 'hostkey', by, `${nameOf(target)}${shownKey(key)}`)
    },
    refused: async (target, key) => {
      if (key.length <= longestKey) await store.update(keyRefused(keyOf(target), key, now()))
    },
  }
}

const keyOf = (target: HostKeyTarget): Key =>
  'jump' in target ? jumpKeyKey(target.cloud, placeOf(target)) : sshKeyKey(target.cloud, target.zone, target.id)

const historyPlace = (target: HostKeyTarget): { readonly zone?: string; readonly host?: string } =>
  'jump' in target ? {} : { zone: target.zone, host: target.id }

const nameOf = (target: HostKeyTarget): string => ('jump' in target ? `the jump host ${placeOf(target)}: ` : '')
