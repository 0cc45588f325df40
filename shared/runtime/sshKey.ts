/**
 * The private key by which SSH hosts, and the jump host before them, let us in, from the settings. In: settings, secrets of AWS, the time.
 * Out: the key's text, which can be used; or a ConfigurationError that names the setting and shows nothing of the key.
 */
import { checkPrivateKey } from '../hypervisors/kvm/ssh.ts'
import { readLogins } from './logins.ts'
import type { Runtime } from './runtime.ts'
import type { Settings } from './settings.ts'

/** @throws ConfigurationError, and what AWS throws */
export const sshKeyOf = (settings: Settings, secret: Runtime['secret'], now: () => number): Promise<string> =>
  readLogins(
    {
      file: ['BRIDGEKEEPER_SSH_KEY_FILE', settings.BRIDGEKEEPER_SSH_KEY_FILE],
      secret: ['BRIDGEKEEPER_SSH_SECRET', settings.BRIDGEKEEPER_SSH_SECRET],
      of: 'the private key that the KVM hosts accept',
      page: 'docs/kvm.md',
      parse: (content) => {
        checkPrivateKey({ privateKey: content })
        return content
      },
    },
    settings.BRIDGEKEEPER_CLOUD,
    secret,
    now,
  )
