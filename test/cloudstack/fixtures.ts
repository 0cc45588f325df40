/** The captured answers: read by file name, with the request that each one answered. */
import { readFileSync } from 'node:fs'
import * as z from 'zod/mini'
import { hostRow } from '../../shared/cloudstack/answers.ts'
import type { HostFact } from '../../shared/reconcile/model.ts'

export interface Capture {
  readonly file: string
  readonly command: string | null
  readonly params: Readonly<Record<string, string>>
  readonly httpStatus: number
}

const folder = new URL('../fixtures/cloudstack/', import.meta.url)

export const captureText = (file: string): string => readFileSync(new URL(file, folder), 'utf8')

const captured = z.array(
  z.object({
    file: z.string(),
    command: z.nullable(z.string()),
    params: z.record(z.string(), z.string()),
    httpStatus: z.number(),
  }),
)

export const captures: readonly Capture[] = captured.parse(JSON.parse(captureText('index.json')))

const answer = z.record(z.string(), z.record(z.string(), z.unknown()))

/** What stands under the one outer key. */
export function captureBody(file: string): Readonly<Record<string, unknown>> {
  return Object.values(answer.parse(JSON.parse(captureText(file))))[0] ?? {}
}

/** The rows of a captured listing, parsed by the client's own schema or any other. */
export function captureRows<Row>(file: string, name: string, row: z.ZodMiniType<Row>): readonly Row[] {
  return z.array(row).parse(captureBody(file)[name] ?? [])
}

/** A captured listHosts answer as the client gives it. */
export const capturedHosts = (file: string): readonly HostFact[] => captureRows(file, 'host', hostRow)
