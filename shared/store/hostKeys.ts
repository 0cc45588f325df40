/**
 * SSH host keys as the store keeps them, beside those of a known_hosts file where there is one. In: a host. Out: the
 * keys on record. A key accepted on first sight is kept only if the host had none by then.
 */
import type { HostKeys } from '../hypervisors/kvm/hostKeys.ts'
import { itemVersion, readSshKeys, sshKeyKey } from './items.ts'
import type { Store } from './store.ts'

export function storedHostKeys(store: Store, file: HostKeys | undefined, now: () => number): Required<HostKeys> {
  return {
    known: async (target) => {
      const stored = readSshKeys(await store.get(sshKeyKey(target.cloud, target.zone, target.id)))
      return [...stored, ...((await file?.known(target)) ?? [])]
    },
    accept: async (target, key) => {
      await store.update({
        key: sshKeyKey(target.cloud, target.zone, target.id),
        set: { v: itemVersion, keys: [key], acceptedAt: now(), acceptedBy: 'accept-new' },
        when: { absent: 'keys' },
      })
    },
  }
}
