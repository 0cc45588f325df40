/** What the tests over real TLS need of a machine, beside Node: a program that makes certificates. */
import type { Availability } from '../../../infra/local/bed/bed.ts'
import { isInstalled } from '../../../infra/local/bed/command.ts'

export const opensslAvailable = (): Availability =>
  isInstalled('openssl') ? { available: true } : { available: false, missing: 'openssl (apt-get install openssl)' }
