/** Govmomi's programs, as `npm run parts:vcenter` builds them. In: what the machine has. Out: whether they can run, or what is missing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Availability } from '../../infra/local/bed/bed.ts'

const folder = join(import.meta.dirname, '../../.parts/vcenter')

/** vcsim is govmomi's simulator as it is released; amendedVcsim the same with what amendedVcsim/main.go says; govc its client. */
export const programs = {
  vcsim: join(folder, 'vcsim'),
  amendedVcsim: join(folder, 'amendedVcsim'),
  govc: join(folder, 'govc'),
} as const

export type Simulator = 'vcsim' | 'amendedVcsim'

export const vcenterAvailable = (): Availability =>
  Object.values(programs).every((program) => existsSync(program))
    ? { available: true }
    : { available: false, missing: 'vcsim and govc (npm run parts:vcenter, which needs Go 1.22 or later)' }
