/**
 * `hostkeys` for people. Pure. In: what is on record, what an import or an acceptance did, the width. Out: text; a line a key,
 * since keys are what is compared.
 */
import { type Accepted, type Imported, type ImportReport, importResults } from '../../shared/flow/hostKeys.ts'
import type { Held, KeyHolder } from '../../shared/flow/keyHolders.ts'
import { partsOf, shownKey } from '../../shared/hypervisors/kvm/hostKeys.ts'
import { hostsInWords } from './backfillText.ts'
import { ago } from './duration.ts'
import { lacksKey } from './hostKeysJson.ts'
import { oneLine, printable } from './printable.ts'
import type { Look } from './statusText.ts'
import { type Column, table } from './table.ts'

const place: readonly Column[] = [
  { title: 'ZONE', minimum: 8, spare: 2 },
  { title: 'HOST', minimum: 8 },
]
/** A fingerprint that is cut cannot be compared. */
const fingerprint: Column = { title: 'FINGERPRINT', minimum: 50 }

export function keyListText(held: readonly Held[], quiet: boolean, look: Look): string {
  const rows = held.flatMap((each) => [
    ...each.keys.keys.map((key) => onRecord(each, key, look)),
    ...(lacksKey(each) ? [[...placeOf(each.holder), '', 'no key on record', look.paint('bad', 'none'), '', '']] : []),
    ...(each.keys.refused === undefined ? [] : [refused(each, each.keys.refused, look)]),
  ])
  const columns: readonly Column[] = [
    ...place,
    { title: 'TYPE', minimum: 11, spare: 3 },
    fingerprint,
    { title: 'SOURCE', minimum: 10 },
    { title: 'BY', minimum: 8, spare: 1 },
    { title: 'WHEN', minimum: 7 },
  ]
  const lacking = held.filter(lacksKey).length
  const end = `${hostsInWords(held.length)}${lacking === 0 ? '' : `, ${lacking} without a key on record`}`
  const advice =
    lacking === 0 || quiet
      ? ''
      : 'Of a file that BRIDGEKEEPER_SSH_KNOWN_HOSTS names nothing is shown here. Compare a refused key on its host, then: bridgekeeper hostkeys accept --host HOST FINGERPRINT; for many hosts: bridgekeeper hostkeys import FILE.'
  return [rows.length === 0 ? '' : table(columns, rows, look.width), end, advice].filter(Boolean).join('\n\n')
}

function onRecord({ holder, keys: { source, by, at } }: Held, key: string, look: Look): readonly string[] {
  const { type, fingerprint: shown, revoked } = partsOf(key)
  const when = at === undefined ? '' : ago(at, look.now)
  const from = revoked ? look.paint('bad', 'revoked') : (source ?? '')
  return [...placeOf(holder), printable(type), shown, from, by === undefined ? '' : oneLine(by), when]
}

function refused({ holder, keys: { refusedAt } }: Held, key: string, look: Look): readonly string[] {
  const { type, fingerprint: shown } = partsOf(key)
  return [...placeOf(holder), printable(type), shown, look.paint('bad', 'refused'), '', ago(refusedAt, look.now)]
}

const placeOf = ({ zone, record, name }: KeyHolder): readonly string[] => [
  zone === undefined ? '' : printable(zone.name),
  printable(record?.name ?? name),
]

/** Rows of what was written and of what differs; what was known before is only counted. */
export function importText({ hosts, lines }: ImportReport, look: Look): string {
  const told = hosts.filter(({ result }) => result !== 'known')
  const rows = told.flatMap(({ holder, result, before, found }) => {
    const changed = (keys: readonly string[], others: readonly string[]): readonly string[] =>
      keys.filter((key) => !others.includes(key))
    const row = (key: string, what: string): readonly string[] => [
      ...placeOf(holder),
      look.paint(result === 'differs' ? 'bad' : 'good', result),
      shownKey(key),
      what,
    ]
    return [
      ...changed(before, found).map((key) => row(key, result === 'replaced' ? 'no longer' : 'on record')),
      ...changed(found, before).map((key) => row(key, result === 'differs' ? 'in the file' : 'on record now')),
    ]
  })
  const columns: readonly Column[] = [
    ...place,
    { title: 'RESULT', minimum: 9 },
    { ...fingerprint, title: 'KEY', minimum: 62 },
    { title: 'WHERE', minimum: 9, spare: 1 },
  ]
  const counts = importResults.flatMap((result) => counted(result, hosts))
  const other = `${lines.read} lines: ${lines.ofNoHost} of no host that is known here, ${lines.passedOver} of no use.`
  const differs = hosts.some(({ result }) => result === 'differs')
    ? 'What differs was left as it is. If these hosts were reinstalled: bridgekeeper hostkeys import --replace FILE; otherwise find out who answers.'
    : ''
  const end = `${hostsInWords(hosts.length)}: ${counts.join(', ')}. ${other}`
  return [rows.length === 0 ? '' : table(columns, rows, look.width), end, differs].filter(Boolean).join('\n\n')
}

function counted(result: Imported['result'], hosts: readonly Imported[]): readonly string[] {
  const count = hosts.filter((host) => host.result === result).length
  return count === 0 ? [] : [`${count} ${result}`]
}

export function acceptText({ holder, accepted, before, replaced }: Accepted): string {
  const name = oneLine(holder.record?.name ?? holder.name)
  if (before) return `accepted before: ${shownKey(accepted)} of ${name}.`
  const instead = replaced.length === 0 ? '' : ` in the place of ${replaced.map(shownKey).join(', ')}`
  return `accepted: ${shownKey(accepted)} of ${name}${instead}. What failed for it is tried again now.`
}
