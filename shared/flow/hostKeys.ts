/**
 * What an operator does with SSH host keys: import those of a file, accept one that was refused, list them. In: a file's text or
 * a fingerprint, who and why. Out: what became of each host, with a line of its history; a host that failed for its key is
 * tried again at once.
 *
 * | on record, of a host     | in the file                      | becomes                                            |
 * |--------------------------|----------------------------------|----------------------------------------------------|
 * | nothing                  | keys                             | imported                                           |
 * | keys                     | the same, or some of them        | known: nothing is written                          |
 * | keys                     | all of them, and more            | added                                              |
 * | keys                     | not all of them, and another one | differs: nothing is written; or replaced, if asked |
 * | anything                 | nothing of this host             | not told                                           |
 */
import { isRevoked, partsOf, shownKey } from '../hypervisors/kvm/hostKeys.ts'
import { nameOf } from '../hypervisors/kvm/knownHosts.ts'
import { type FoundKeys, keysOfAll } from '../hypervisors/kvm/knownHostsOfAll.ts'
import type { Ports } from '../runtime/ports.ts'
import { keysAre } from '../store/hostKeyWrites.ts'
import { readSshKeys, type SshKeys } from '../store/items.ts'
import { NothingSelected, type Selection } from './backfill.ts'
import { type Act, recordAct } from './history.ts'
import { type KeyHolder, raiseEdges, readHolders } from './keyHolders.ts'
import { parallel } from './parallel.ts'
import type { Policy } from './policy.ts'

export const importResults = ['imported', 'added', 'replaced', 'known', 'differs'] as const
export type ImportResult = (typeof importResults)[number]

export interface Imported {
  readonly holder: KeyHolder
  readonly result: ImportResult
  /** On record before, and in the file. */
  readonly before: readonly string[]
  readonly found: readonly string[]
}

/** Thrown when the keys of a host were written by somebody else each time that they were looked at. */
export class HostKeysOvertaken extends Error {
  override readonly name = 'HostKeysOvertaken'
}

/** Thrown for keys that are not taken; the message names the host and why. */
export class HostKeysRefused extends Error {
  override readonly name = 'HostKeysRefused'
}

/** Each further one only if somebody else wrote keys of the same host at that moment. */
const attempts = 5
/** Of one host: five types of key, with room for revoked ones. */
const mostKeys = 32

export interface ImportReport {
  readonly hosts: readonly Imported[]
  readonly lines: FoundKeys['lines']
}

/**
 * @param replace whether keys of a host that are not in the file give way
 * @throws NothingSelected when no line is of a host. @throws TooManyComparisons, HostKeysRefused, HostKeysOvertaken
 */
export async function importHostKeys(
  ports: Ports,
  policy: Policy,
  text: string,
  replace: boolean,
  act: Act,
): Promise<ImportReport> {
  const holders = await readHolders(ports.store, policy, {})
  const names = holders.map(({ address, port, record }) =>
    [address, ...(record === undefined ? [] : [record.name])].map((name) => nameOf(name, port)),
  )
  const { keys, lines } = keysOfAll(text, names)
  const told = holders.flatMap((holder, index) => {
    const found = keys[index] ?? []
    return found.length === 0 ? [] : [{ holder, found }]
  })
  if (told.length === 0) throw new NothingSelected(ofNoHost(lines, names))
  const tooMany = told.find(({ found }) => found.length > mostKeys)
  if (tooMany !== undefined)
    throw new HostKeysRefused(
      `the file has ${tooMany.found.length} keys of ${tooMany.holder.name}, more than the ${mostKeys} that are kept: give one with its own keys only`,
    )
  const hosts = await parallel(told, ({ holder, found }) => importOne(ports, policy, holder, found, replace, act))
  await raiseEdges(
    ports,
    policy.cloud,
    hosts.filter(({ result }) => result !== 'differs').map(({ holder }) => holder),
    holders,
  )
  return { hosts, lines }
}

const ofNoHost = ({ read, passedOver }: FoundKeys['lines'], names: readonly (readonly string[])[]): string => {
  const example = names
    .at(-1)
    ?.map((name) => JSON.stringify(name))
    .join(' or ')
  return `none of ${read} lines is of a host (${passedOver} are of no use): ${
    example === undefined
      ? 'no snapshot has been taken yet'
      : `a line begins with the address or the name of a host, such as ${example}`
  }`
}

async function importOne(
  ports: Ports,
  policy: Policy,
  holder: KeyHolder,
  found: readonly string[],
  replace: boolean,
  act: Act,
): Promise<Imported> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { keys: before, serial } = readSshKeys(await ports.store.get(holder.key))
    const result = resultOf(before, found, replace)
    if (result === 'known' || result === 'differs') return { holder, result, before, found }
    const by = { source: 'import', at: ports.now(), ...act } as const
    if ((await ports.store.update(keysAre(holder.key, found, by, serial))) === undefined) continue
    await record(ports, policy, holder, act, `${result} ${shownKeys(found)}${instead(result, before)}`)
    return { holder, result, before, found }
  }
  throw overtaken(holder)
}

export function resultOf(before: readonly string[], found: readonly string[], replace: boolean): ImportResult {
  if (before.length === 0) return 'imported'
  if (found.every((key) => before.includes(key))) return 'known'
  if (before.every((key) => found.includes(key))) return 'added'
  return replace ? 'replaced' : 'differs'
}

export interface Accepted {
  readonly holder: KeyHolder
  readonly accepted: string
  /** True: it was on record before, and nothing was written. */
  readonly before: boolean
  readonly replaced: readonly string[]
}

/**
 * @param chosen a selection that means one host, or the jump host
 * @param fingerprint as the operator compared it
 * @throws NothingSelected, HostKeysRefused, HostKeysOvertaken
 */
export async function acceptHostKey(
  ports: Ports,
  policy: Policy,
  chosen: Selection | 'jump',
  fingerprint: string,
  act: Act,
): Promise<Accepted> {
  const all = await readHolders(ports.store, policy, chosen === 'jump' ? {} : chosen)
  const [holder, ...others] = all.filter(({ record }) => (record === undefined) === (chosen === 'jump'))
  if (holder === undefined) throw new NothingSelected(nobody(chosen))
  if (others.length > 0) {
    const ids = [holder, ...others].map(({ record }) => record?.id).slice(0, 10)
    throw new NothingSelected(`${others.length + 1} hosts are called so: choose one by its id, of ${ids.join(', ')}`)
  }
  const accepted = await acceptOf(ports, policy, holder, fingerprint, act)
  const affected = chosen === 'jump' ? await readHolders(ports.store, policy, {}) : all
  await raiseEdges(ports, policy.cloud, [holder], affected)
  return accepted
}

const nobody = (chosen: Selection | 'jump'): string =>
  chosen === 'jump'
    ? 'there is no jump host: BRIDGEKEEPER_SSH_JUMP is not set where the functions run, or no snapshot was taken since'
    : `no host matches ${JSON.stringify(chosen.host)}: names and ids are those of "bridgekeeper status"`

async function acceptOf(
  ports: Ports,
  policy: Policy,
  holder: KeyHolder,
  fingerprint: string,
  act: Act,
): Promise<Accepted> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const stored = readSshKeys(await ports.store.get(holder.key))
    const known = stored.keys.find((key) => !isRevoked(key) && partsOf(key).fingerprint === fingerprint)
    if (known !== undefined) return { holder, accepted: known, before: true, replaced: [] }
    const accepted = presented(holder, stored, fingerprint)
    const [replaced, revoked] = [stored.keys.filter((key) => !isRevoked(key)), stored.keys.filter(isRevoked)]
    const by = { source: 'accept', at: ports.now(), ...act } as const
    const write = keysAre(holder.key, [accepted, ...revoked], by, stored.serial, accepted)
    if ((await ports.store.update(write)) === undefined) continue
    await record(ports, policy, holder, act, `accepted ${shownKey(accepted)}${instead('replaced', replaced)}`)
    return { holder, accepted, before: false, replaced }
  }
  throw overtaken(holder)
}

/** @throws HostKeysRefused when nothing was presented, another key was, or one that is revoked */
function presented({ name }: KeyHolder, { refused, keys }: SshKeys, fingerprint: string): string {
  if (refused === undefined)
    throw new HostKeysRefused(
      `${name} has presented no key that was refused: wait for its next run (bridgekeeper backfill --host …), or import its keys`,
    )
  if (partsOf(refused).fingerprint !== fingerprint)
    throw new HostKeysRefused(
      `${name} presented ${shownKey(refused)}, not ${fingerprint}: compare again on the host, and find out who answers if they differ`,
    )
  if (keys.includes(`@revoked ${refused}`))
    throw new HostKeysRefused(
      `${shownKey(refused)} of ${name} was revoked: give the host a new key, or import --replace`,
    )
  return refused
}

const overtaken = ({ name }: KeyHolder): HostKeysOvertaken =>
  new HostKeysOvertaken(
    `the keys of ${name} were changed by somebody else, or a newer version of Bridgekeeper wrote them: look at them with "bridgekeeper hostkeys list", then use that version`,
  )

const shownKeys = (keys: readonly string[]): string => keys.map(shownKey).join(', ')

const instead = (result: ImportResult, before: readonly string[]): string =>
  result === 'replaced' && before.length > 0 ? ` in the place of ${shownKeys(before)}` : ''

const record = (ports: Ports, policy: Policy, { record: host, name }: KeyHolder, act: Act, detail: string) =>
  host === undefined
    ? recordAct(ports, policy, {}, 'hostkey', act, `${name}: ${detail}`)
    : recordAct(ports, policy, { zone: host.zone, host: host.id }, 'hostkey', act, detail)
