/**
 * The driver that reaches the KVM hosts, from the settings. In: its name, a runtime. Out: a Driver, or a ConfigurationError that
 * names the setting which is missing or cannot be used.
 */
import { keptHostKeys } from '../flow/keptHostKeys.ts'
import type { Driver } from '../hypervisors/driver.ts'
import { agentDriver } from '../hypervisors/kvm/agent/driver.ts'
import { type Credentials, checkCredentials, httpsLine } from '../hypervisors/kvm/agent/https.ts'
import { createKvmSshDriver } from '../hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../hypervisors/kvm/knownHosts.ts'
import { ConfigurationError } from './configuration.ts'
import { type Runtime, readSetting } from './runtime.ts'
import type { Settings } from './settings.ts'

/** @throws ConfigurationError */
export function kvmDriverOf(name: string | undefined, runtime: Runtime): Driver {
  return name === 'kvm-agent' ? byAgent(runtime) : bySsh(runtime)
}

function bySsh({ settings, policy, ports }: Runtime): Driver {
  const keyFile = settings.BRIDGEKEEPER_SSH_KEY_FILE
  const knownHosts = settings.BRIDGEKEEPER_SSH_KNOWN_HOSTS
  const jump = settings.BRIDGEKEEPER_SSH_JUMP
  if (keyFile === undefined) {
    throw new ConfigurationError('BRIDGEKEEPER_SSH_KEY_FILE is not set: name the private key that the hosts accept.')
  }
  return createKvmSshDriver({
    user: settings.BRIDGEKEEPER_SSH_USER,
    privateKey: readSetting('BRIDGEKEEPER_SSH_KEY_FILE', keyFile),
    port: settings.BRIDGEKEEPER_SSH_PORT,
    hostKeys: keptHostKeys(ports, policy, knownHosts === undefined ? undefined : knownHostsFile(knownHosts)),
    ...(jump === undefined ? {} : { jump }),
    hostKeyPolicy: settings.BRIDGEKEEPER_SSH_HOSTKEYS,
    mode: settings.BRIDGEKEEPER_MODE,
    group: settings.BRIDGEKEEPER_MARK,
    vxlan: settings.BRIDGEKEEPER_VXLAN,
    hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
    logger: ports.logger,
  })
}

function byAgent({ settings, ports }: Runtime): Driver {
  const options = { ...agentCredentials(settings), port: settings.BRIDGEKEEPER_AGENT_PORT }
  return agentDriver(async (target, signal) => httpsLine(target, options, signal), {
    mode: settings.BRIDGEKEEPER_MODE,
    group: settings.BRIDGEKEEPER_MARK,
    vxlan: settings.BRIDGEKEEPER_VXLAN,
    hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
    now: ports.now,
  })
}

/** What shows an agent who asks, and who must answer. @throws ConfigurationError */
export function agentCredentials(settings: Settings): Credentials {
  const read = (
    name: 'BRIDGEKEEPER_AGENT_CERT_FILE' | 'BRIDGEKEEPER_AGENT_KEY_FILE' | 'BRIDGEKEEPER_AGENT_CA_FILE',
  ) => {
    const file = settings[name]
    if (file !== undefined) return readSetting(name, file)
    throw new ConfigurationError(`${name} is not set: name a PEM file of CloudStack’s PKI (docs/agent.md).`)
  }
  const credentials = {
    certificate: read('BRIDGEKEEPER_AGENT_CERT_FILE'),
    key: read('BRIDGEKEEPER_AGENT_KEY_FILE'),
    ca: read('BRIDGEKEEPER_AGENT_CA_FILE'),
  }
  try {
    checkCredentials(credentials)
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
    throw new ConfigurationError(
      `BRIDGEKEEPER_AGENT_CERT_FILE, BRIDGEKEEPER_AGENT_KEY_FILE and BRIDGEKEEPER_AGENT_CA_FILE cannot be used together (${why}): name a certificate, its own unencrypted key, and the CA, in PEM.`,
    )
  }
  return credentials
}
