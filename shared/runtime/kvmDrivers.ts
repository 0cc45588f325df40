/**
 * The driver that reaches the KVM hosts, from the settings. In: its name, a runtime. Out: a Driver, or a ConfigurationError that
 * names the setting which is missing or cannot be used.
 */
import { keptHostKeys } from '../flow/keptHostKeys.ts'
import type { Driver, Target } from '../hypervisors/driver.ts'
import { type AgentLine, agentDriver } from '../hypervisors/kvm/agent/driver.ts'
import { httpsLine, renewingLine } from '../hypervisors/kvm/agent/https.ts'
import { createKvmSshDriver } from '../hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../hypervisors/kvm/knownHosts.ts'
import type { Runtime } from './runtime.ts'
import { sshKeyOf } from './sshKey.ts'

/** @throws ConfigurationError, and what AWS throws */
export async function kvmDriverOf(name: string | undefined, runtime: Runtime): Promise<Driver> {
  return name === 'kvm-agent' ? byAgent(runtime) : bySsh(runtime)
}

async function bySsh({ settings, policy, ports, secret }: Runtime): Promise<Driver> {
  const knownHosts = settings.BRIDGEKEEPER_SSH_KNOWN_HOSTS
  const jump = settings.BRIDGEKEEPER_SSH_JUMP
  return createKvmSshDriver({
    user: settings.BRIDGEKEEPER_SSH_USER,
    privateKey: await sshKeyOf(settings, secret, ports.now),
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

function byAgent({ settings, ports, agentCertificate }: Runtime): Driver {
  const kept = agentCertificate()
  const port = settings.BRIDGEKEEPER_AGENT_PORT
  const open = (target: Target, signal: AbortSignal): Promise<AgentLine> =>
    renewingLine(kept, (credentials) => httpsLine(target, { ...credentials, port }, signal))
  return agentDriver(open, {
    mode: settings.BRIDGEKEEPER_MODE,
    group: settings.BRIDGEKEEPER_MARK,
    vxlan: settings.BRIDGEKEEPER_VXLAN,
    hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
    now: ports.now,
  })
}
