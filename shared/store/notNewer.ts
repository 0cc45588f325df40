/**
 * A store on which nothing that a newer version wrote is ever changed or deleted: while two versions run side by side, the
 * older one leaves it alone. In: a store. Out: one of which each write and each delete has this as a further condition; a
 * write that it refuses is answered like any other that is refused.
 */
import { itemVersion } from './items.ts'
import type { Condition, Store } from './store.ts'

const notNewer: Condition = { any: [{ absent: 'v' }, { attribute: 'v', is: '<=', value: itemVersion }] }

const also = (when: Condition | undefined): Condition => (when === undefined ? notNewer : { all: [when, notNewer] })

export const sparingNewer = (store: Store): Store => ({
  get: store.get,
  list: store.list,
  update: (write) => store.update({ ...write, when: also(write.when) }),
  delete: (key, when) => store.delete(key, also(when)),
})
