/**
 * `bridgekeeper hostkeys import`, `list`, `accept`: the keys that hosts are known by. In: a file or a fingerprint, options, a
 * runtime. Out: on stdout what is on record now; the exit code, 2 if keys of an import differ from those on record.
 */
import { createReadStream } from 'node:fs'
import type { Selection } from '../../shared/flow/backfill.ts'
import { acceptHostKey, importHostKeys } from '../../shared/flow/hostKeys.ts'
import { listHostKeys } from '../../shared/flow/keyHolders.ts'
import { largestFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import type { Runtime } from '../../shared/runtime/runtime.ts'
import {
  acceptJson,
  type acceptSchema,
  importJson,
  type importSchema,
  keyListJson,
  type keyListSchema,
} from './hostKeysJson.ts'
import { acceptText, importText, keyListText } from './hostKeysText.ts'
import { actOf, type Why } from './operator.ts'
import { compareNames } from './order.ts'
import type { Output } from './output.ts'
import { printableJson } from './printable.ts'
import { type Selectors, selectionOf, UsageError } from './selectors.ts'

export interface KeyOptions extends Selectors, Why {
  readonly replace?: boolean
  readonly jump?: boolean
  readonly output: 'table' | 'json'
  readonly quiet?: boolean
}

/** @throws UsageError, NothingSelected, TooManyComparisons, HostKeysRefused, HostKeysOvertaken, and whatever the store or the queue throws. */
export async function importCommand(
  file: string,
  options: KeyOptions,
  { ports, policy }: Runtime,
  output: Output,
): Promise<number> {
  const text = await readText(file === '-' ? process.stdin : createReadStream(file), file)
  const report = await importHostKeys(ports, policy, text, options.replace === true, actOf(options))
  const json: ReturnType<typeof importSchema.parse> = importJson(policy.cloud, report)
  output.print(options.output === 'json' ? printableJson(json) : importText(report, output.look(ports.now())))
  return report.hosts.some(({ result }) => result === 'differs') ? 2 : 0
}

/** @throws UsageError, NothingSelected, and whatever the store throws. */
export async function listCommand(options: KeyOptions, { ports, policy }: Runtime, output: Output): Promise<number> {
  const held = (await listHostKeys(ports.store, policy, selectionOf(options))).toSorted(
    (one, other) =>
      compareNames(one.holder.zone?.name ?? '', other.holder.zone?.name ?? '') ||
      compareNames(one.holder.name, other.holder.name),
  )
  const json: ReturnType<typeof keyListSchema.parse> = keyListJson(policy.cloud, held)
  const text = () => keyListText(held, options.quiet === true, output.look(ports.now()))
  output.print(options.output === 'json' ? printableJson(json) : text())
  return 0
}

const fingerprintPattern = /^SHA256:[A-Za-z0-9+/]{43}$/

/** @throws UsageError, NothingSelected, HostKeysRefused, HostKeysOvertaken, and whatever the store or the queue throws. */
export async function acceptCommand(
  fingerprint: string,
  options: KeyOptions,
  { ports, policy }: Runtime,
  output: Output,
): Promise<number> {
  if (!fingerprintPattern.test(fingerprint))
    throw new UsageError(
      `${JSON.stringify(fingerprint.slice(0, 100))} is no fingerprint: give SHA256: and 43 characters, as "ssh-keygen -lf" prints it of the host's key.`,
    )
  const accepted = await acceptHostKey(ports, policy, chosenOf(options), fingerprint, actOf(options))
  const json: ReturnType<typeof acceptSchema.parse> = acceptJson(policy.cloud, accepted)
  output.print(options.output === 'json' ? printableJson(json) : acceptText(accepted))
  return 0
}

function chosenOf({ jump, ...selectors }: KeyOptions): Selection | 'jump' {
  const chosen = selectionOf(selectors)
  if (jump === true && Object.keys(chosen).length === 0) return 'jump'
  if (jump !== true && chosen.host !== undefined) return chosen
  throw new UsageError('one host is meant: give --host HOST, with --zone where several are called so, or --jump.')
}

/** @throws UsageError when it cannot be read, or is too large to be a file of host keys */
export async function readText(stream: AsyncIterable<string | Buffer>, file: string): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      size += chunk.length
      if (size > largestFile)
        throw new UsageError(`${shown(file)} has more than the ${largestFile} bytes that are read.`)
      chunks.push(Buffer.from(chunk))
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new UsageError(
      `${shown(file)} cannot be read (${why}): name a known_hosts file, or - for the standard input.`,
    )
  }
  return Buffer.concat(chunks).toString('utf8')
}

const shown = (file: string): string => JSON.stringify(file.slice(0, 200))
