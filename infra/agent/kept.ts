/**
 * What the agent keeps on its host's disk: what was last desired there, to restore it at boot and to repair it between looks,
 * and how often it did. In: a folder. Out: the two files, read by schema and written whole or not at all.
 */
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { desired, largestRequest, type Repairs, repairs, rules } from '../../shared/hypervisors/kvm/agent/protocol.ts'
import type { Logger } from '../../shared/runtime/logger.ts'

const kept = z.object({
  v: z.literal(1),
  /** When the provisioner last said so, in milliseconds since the epoch. */
  at: z.number(),
  mode: z.enum(['observe', 'apply']),
  rules,
  desired,
})
export type Kept = Omit<z.infer<typeof kept>, 'v'>

export interface Keep {
  /** Undefined where nothing was ever desired, or the file cannot be used. */
  desired(): Promise<Kept | undefined>
  keep(what: Kept): Promise<void>
  repairs(): Promise<Repairs>
  /** @param devices that were made or completed. @param at milliseconds since the epoch */
  repaired(devices: readonly string[], at: number): Promise<void>
}

/** The same thing said again is written down again after this long, in milliseconds. */
const refreshAfter = 3_600_000
const mostDevices = 16
const never: Repairs = { times: 0, devices: [] }

export function keepIn(folder: string, logger: Logger): Keep {
  const [desiredFile, repairsFile] = [join(folder, 'desired.json'), join(folder, 'repairs.json')]
  const read = async <T>(file: string, schema: z.ZodMiniType<T>): Promise<T | undefined> => {
    try {
      if ((await stat(file)).size > 2 * largestRequest) throw new Error('it is too large')
      return schema.parse(JSON.parse(await readFile(file, 'utf8')))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT'))
        logger.warn('a file of the agent cannot be used', { file, why: String(error).slice(0, 300) })
      return undefined
    }
  }
  const readRepairs = async (): Promise<Repairs> => (await read(repairsFile, repairs)) ?? never
  return {
    desired: () => read(desiredFile, kept),
    keep: async (what) => {
      const before = await read(desiredFile, kept)
      const said =
        before !== undefined && JSON.stringify({ ...before, at: 0 }) === JSON.stringify({ v: 1, ...what, at: 0 })
      if (said && what.at - before.at < refreshAfter && what.at >= before.at) return
      await write(folder, desiredFile, { v: 1, ...what })
    },
    repairs: readRepairs,
    repaired: async (devices, at) => {
      const { times } = await readRepairs()
      await write(folder, repairsFile, { times: times + 1, lastAt: at, devices: devices.slice(0, mostDevices) })
    },
  }
}

/** On the disk before it has its name, so that a power cut leaves the one or the other. */
async function write(folder: string, file: string, value: unknown): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const handle = await open(`${file}.new`, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(value)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
}
