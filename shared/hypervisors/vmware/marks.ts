/**
 * Marks on the networks that were made here, as custom fields in vCenter: CloudStack's own for its clean-up, and ours beside it
 * (FACTS E, DESIGN 3). In: which groups were just made. Out: the fields set; a group that CloudStack made first is never marked.
 */
import pLimit from 'p-limit'
import type { FieldDefinition, VimNetwork } from './facts.ts'
import type { SwitchKind } from './names.ts'
import { VimFault } from './soap.ts'
import type { Vcenter } from './vcenter.ts'
import { at, numberAt, reference, value } from './xml.ts'

export interface FieldNames {
  readonly kind: 'Network' | 'DistributedVirtualPortgroup'
  readonly cloudStack: string
  readonly ours: string
}

/** vCenter wants every name once, so that each kind of network has its own. */
export const fieldNames: Readonly<Record<SwitchKind, FieldNames>> = {
  standard: { kind: 'Network', cloudStack: 'cloud.gc', ours: 'bridgekeeper.made' },
  distributed: { kind: 'DistributedVirtualPortgroup', cloudStack: 'cloud.gc.dvp', ours: 'bridgekeeper.made.dvp' },
}

/** The mark of a deployment, and what the network was made for. */
export const markOf = (mark: number, uri: string): string => `${mark} ${uri}`

/** @returns the broadcast URI that a network of ours was made for; undefined: it is not ours */
export function madeFor({ fields, group }: VimNetwork, mark: number): string | undefined {
  const { ours } = fieldNames[group === undefined ? 'standard' : 'distributed']
  const [own, uri] = (Object.hasOwn(fields, ours) ? (fields[ours] ?? '') : '').split(' ')
  return own === String(mark) && uri ? uri : undefined
}

/** Keys of custom fields by their names. */
export type FieldKeys = ReadonlyMap<string, number>

/** Defined before anything is made, so that a right that is missing is told before there is something without its mark. */
export async function defineFields(
  vcenter: Vcenter,
  known: readonly FieldDefinition[],
  kind: SwitchKind,
  signal: AbortSignal,
): Promise<FieldKeys> {
  const names = fieldNames[kind]
  const keys = new Map<string, number>()
  for (const name of [names.cloudStack, names.ours]) {
    const key = keyIn(known, name) ?? (await define(vcenter, name, names.kind, signal))
    if (key !== undefined) keys.set(name, key)
  }
  return keys
}

const keyIn = (known: readonly FieldDefinition[], name: string): number | undefined =>
  known.find((one) => one.name === name)?.key

async function define(
  vcenter: Vcenter,
  name: string,
  kind: FieldNames['kind'],
  signal: AbortSignal,
): Promise<number | undefined> {
  const content = [value('name', name), value('moType', kind)]
  try {
    const added = await vcenter.change('AddCustomFieldDef', vcenter.fieldsManager, content, signal)
    return numberAt(at(added, 'returnval'), 'key')
  } catch (error) {
    if (!(error instanceof VimFault) || error.type !== 'DuplicateName') throw error
    const { facts } = await vcenter.read(vcenter.now(), signal)
    return keyIn(facts.fields, name)
  }
}

export interface Made {
  readonly network: VimNetwork
  readonly uri: string
  readonly isTagged: boolean
}

/** @throws HostError where the user may not */
export async function markMade(
  vcenter: Vcenter,
  keys: FieldKeys,
  made: readonly Made[],
  mark: number,
  signal: AbortSignal,
): Promise<void> {
  const limit = pLimit(8)
  const set = (network: VimNetwork, name: string, text: string) =>
    limit(async () => {
      const key = keys.get(name)
      if (key === undefined) return
      const content = [reference('entity', network.ref), value('key', key), value('value', text)]
      await vcenter.change('SetField', vcenter.fieldsManager, content, signal)
    })
  await Promise.all(
    made.flatMap(({ network, uri, isTagged }) => {
      const { cloudStack, ours } = fieldNames[network.group === undefined ? 'standard' : 'distributed']
      return [set(network, ours, markOf(mark, uri)), ...(isTagged ? [set(network, cloudStack, 'true')] : [])]
    }),
  )
}
