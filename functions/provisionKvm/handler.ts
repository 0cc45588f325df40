/** Started by its queue: one job for one KVM host, over SSH. Out: its devices present and verified, and its record. */
import { provision } from '../../shared/flow/provision.ts'
import type { Driver } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { job } from '../../shared/queue/queues.ts'
import { ConfigurationError } from '../../shared/runtime/configuration.ts'
import { queueLambda } from '../../shared/runtime/lambda.ts'
import { type Runtime, readSetting } from '../../shared/runtime/runtime.ts'
import { storedHostKeys } from '../../shared/store/hostKeys.ts'

export const create = queueLambda('provisionKvm', job, (message, runtime, remaining) =>
  provision({ ...runtime, driver: () => driver(runtime) }, message, remaining),
)

/** @throws ConfigurationError naming the setting that is missing or cannot be used. */
function driver({ settings, ports }: Runtime): Driver {
  const keyFile = settings.BRIDGEKEEPER_SSH_KEY_FILE
  const knownHosts = settings.BRIDGEKEEPER_SSH_KNOWN_HOSTS
  if (keyFile === undefined) {
    throw new ConfigurationError('BRIDGEKEEPER_SSH_KEY_FILE is not set: name the private key that the hosts accept.')
  }
  return createKvmSshDriver({
    user: settings.BRIDGEKEEPER_SSH_USER,
    privateKey: readSetting('BRIDGEKEEPER_SSH_KEY_FILE', keyFile),
    port: settings.BRIDGEKEEPER_SSH_PORT,
    hostKeys: storedHostKeys(ports.store, knownHosts === undefined ? undefined : knownHostsFile(knownHosts), ports.now),
    hostKeyPolicy: settings.BRIDGEKEEPER_SSH_HOSTKEYS,
    group: settings.BRIDGEKEEPER_MARK,
    vxlan: settings.BRIDGEKEEPER_VXLAN,
    hostnames: settings.BRIDGEKEEPER_HOSTNAMES,
    logger: ports.logger,
  })
}

export const handler = create(process.env)
