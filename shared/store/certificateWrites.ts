/** The write of what is known of the agents' certificate, as data like those of writes.ts: no condition, since the last look counts. */
import { certificateKey, itemVersion, type KeptCertificateItem } from './items.ts'
import type { Write } from './store.ts'

/** The whole of it: what is not known any more goes. */
export function certificateSeen(cloud: string, { at, ...rest }: KeptCertificateItem): Write {
  const known = { from: rest.from, to: rest.to, renewAt: rest.renewAt, failure: rest.failure }
  return {
    key: certificateKey(cloud),
    set: { v: itemVersion, at, ...known },
    remove: Object.entries(known).flatMap(([name, value]) => (value === undefined ? [name] : [])),
  }
}
