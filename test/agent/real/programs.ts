/** What the tests of the real agent need of a machine, beside Node. */
import type { Availability } from '../../../infra/local/bed/bed.ts'
import { isInstalled } from '../../../infra/local/bed/command.ts'

const programs = ['openssl', 'systemd-analyze', 'setsid']

export function agentToolsAvailable(): Availability {
  const absent = programs.filter((program) => !isInstalled(program))
  return absent.length === 0
    ? { available: true }
    : { available: false, missing: `${absent.join(', ')} (apt-get install openssl systemd util-linux)` }
}
