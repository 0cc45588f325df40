/**
 * Everything that can be wrong with the way into a host, on a real kernel with a real sshd: each has a reason of its own, ends
 * within its limit, and leaves every device as it was. Another sshd of the guest, at another port, is the one that is spoilt.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { runCommand } from '../../infra/local/bed/command.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import { acceptHostKey } from '../../shared/flow/hostKeys.ts'
import { keptHostKeys } from '../../shared/flow/keptHostKeys.ts'
import { policyOf } from '../../shared/flow/policy.ts'
import type { Session } from '../../shared/hypervisors/driver.ts'
import { createKvmSshDriver, kvmDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { keysOf } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { connect, type SshOptions } from '../../shared/hypervisors/kvm/ssh.ts'
import { parseConfiguration } from '../../shared/runtime/configuration.ts'
import { silent } from '../../shared/runtime/logger.ts'
import { controlKey } from '../../shared/store/items.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { state } from '../../shared/store/writes.ts'
import { hostFact } from '../factories.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

const spoilt = 2222
/** Milliseconds. A guest has half a slow processor: what goes well takes up to a second. */
const limits = { connectTimeout: 10_000, shellTimeout: 10_000, commandTimeout: 20_000 }
const desired = [network('vlan://3001')]

let bed: Bed
let host: BedHost
let gate: BedHost
let usual: SshOptions
beforeAll(async () => {
  bed = await startUmlBed({ hosts: [{ name: 'kvm-1' }, { name: 'gate' }] })
  host = bed.host('kvm-1')
  gate = bed.host('gate')
  const [privateKey, known] = [await readFile(host.privateKeyFile, 'utf8'), await readFile(host.knownHostsFile, 'utf8')]
  usual = {
    user: 'root',
    privateKey,
    hostKeys: { known: async ({ address }) => keysOf(known, address, 22) },
    ...limits,
  }
  // An account that is not root's; its key where it may be read. SSH sources .bashrc: only what comes by the spoilt port.
  await host.exec(`
    echo "ops:x:4814:4814::/tmp:/bin/sh" >>/etc/passwd
    cp /run/bed/keys/authorized_keys /etc/ssh/authorized_keys; chmod 644 /etc/ssh/authorized_keys
    printf '%s\\n' 'case "$SSH_CONNECTION" in *" ${spoilt}") . /tmp/bashrc;; esac' >/root/.bashrc; : >/tmp/bashrc`)
  await secondSshd(host, 'AuthorizedKeysFile /etc/ssh/authorized_keys')
  await secondSshd(gate, 'AllowTcpForwarding no')
})
afterAll(() => bed?.stop())

/** The same as the first, but for a line that comes before all others and so counts. */
const secondSshd = (on: BedHost, line: string): Promise<string> =>
  on.exec(`{ echo "Port ${spoilt}"; echo "${line}"; echo "PidFile /tmp/sshd.pid"; cat /run/bed/hosts/${on.name}/sshd_config; } \\
    >/tmp/sshd_config && /usr/sbin/sshd -f /tmp/sshd_config`)

let devices = ''
const devicesNow = (): Promise<string> => host.exec('ip -o link; ip -o -4 addr; ip route')
beforeEach(async () => {
  devices = await devicesNow()
})
afterEach(async () => {
  expect(await devicesNow()).toBe(devices)
})

async function open(given: Partial<SshOptions> = {}, target = targetOf(host)): Promise<Session> {
  const options = { ...usual, ...given }
  const session = await createKvmSshDriver(options).open(target, new AbortController().signal)
  onTestFinished(() => session.close())
  return session
}

const look = async (given: Partial<SshOptions> = {}): Promise<unknown> => (await open(given)).look(desired)

/** @param limit milliseconds, from here to the reason */
async function within(limit: number, attempt: Promise<unknown>): Promise<void> {
  const begun = performance.now()
  await attempt
  expect(performance.now() - begun).toBeLessThan(limit)
}

describe('the host’s key', () => {
  it('that is not the one on record is HostKeyChanged', async () => {
    const { hostKeys } = usual
    const known = async () => hostKeys.known({ ...targetOf(gate), port: 22 })
    const attempt = expect(look({ hostKeys: { known } })).rejects.toMatchObject({ reason: 'HostKeyChanged' })
    await within(limits.connectTimeout, attempt)
  })

  it('that nobody knows is HostKeyUnknown with the fingerprint that the host itself prints; accepted by it, the host is served', async () => {
    const store = createMemoryStore()
    const queues = { send: async () => {} }
    const ports = { store, queues, logger: silent, now: Date.now, random: Math.random, newId: () => 'id' }
    const policy = policyOf(parseConfiguration({ BRIDGEKEEPER_CLOUD: 'cloud' }))
    const { id, name, address } = targetOf(host)
    await store.update({ key: controlKey('cloud'), set: { v: 1, zones: [{ id: 'zone', name: 'zone' }] } })
    await store.update(state('cloud', hostFact({ id, zone: 'zone', name, address }), 1, 'hostAdded', 0))
    const hostKeys = keptHostKeys(ports, policy, undefined)

    const [, printed = ''] = (await host.exec('ssh-keygen -lf /run/bed/keys/host-kvm-1.pub')).split(' ')
    const message = expect.stringContaining(`presents ssh-ed25519 ${printed}, and no key of it is on record`)
    const attempt = expect(look({ hostKeys })).rejects.toMatchObject({ reason: 'HostKeyUnknown', message })
    await within(limits.connectTimeout, attempt)
    await acceptHostKey(ports, policy, { host: name }, printed, { by: 'ann' })
    expect(await look({ hostKeys })).toMatchObject({ devices: 0 })
  })
})

describe('the user', () => {
  it('that the host does not let in is LoginRefused', async () => {
    const attempt = expect(look({ user: 'stranger' })).rejects.toMatchObject({
      reason: 'LoginRefused',
      message: `${host.address}:22 does not let stranger log in with this key.`,
    })
    await within(limits.connectTimeout, attempt)
  })

  it('that is not root is NotRoot, before anything is done', async () => {
    const options = { ...usual, user: 'ops', port: spoilt }
    const driver = kvmDriver((target, signal) => connect(target, options, signal))
    const session = await driver.open(targetOf(host), new AbortController().signal)
    onTestFinished(() => session.close())
    const attempt = expect(session.look(desired)).rejects.toMatchObject({
      reason: 'NotRoot',
      message: expect.stringMatching(/^The login is not root but uid=4814\(ops\) /),
    })
    await within(limits.commandTimeout, attempt)
  })
})

describe('the login', () => {
  const bashrc = (text: string): Promise<string> => host.exec(`cat >/tmp/bashrc <<'END'\n${text}\nEND`)

  it('may print what it likes', async () => {
    await bashrc('echo "Welcome to kvm-1"; echo "do not touch" >&2; printf "no end of line"')
    expect(await look({ port: spoilt })).toMatchObject({ devices: 0, changes: [{ uri: 'vlan://3001' }] })
  })

  it('that prints without end is HostMisread at the limit', async () => {
    await bashrc('while :; do echo "Welcome to kvm-1, which has a lot to say"; done')
    const attempt = look({ port: spoilt, outputLimit: 100_000 })
    await within(limits.commandTimeout, expect(attempt).rejects.toMatchObject({ reason: 'HostMisread' }))
  })

  it('whose shell never comes to a command is LoginTimedOut', async () => {
    await bashrc('echo "Welcome to kvm-1"; exec sleep 1000')
    const attempt = expect(look({ port: spoilt, shellTimeout: 3_000 })).rejects.toMatchObject({
      reason: 'LoginTimedOut',
      message: `${host.address}:${spoilt} let root in, but its shell ran no command for 3000 ms.`,
    })
    await within(limits.connectTimeout, attempt)
    await bashrc('')
  })

  it('that sshd never answers is LoginTimedOut', async () => {
    await host.exec('kill -STOP "$(cat /tmp/sshd.pid)"')
    const attempt = expect(look({ port: spoilt, connectTimeout: 1_000 })).rejects.toMatchObject({
      reason: 'LoginTimedOut',
      message: `${host.address}:${spoilt} was reached, but did not let root in for 1000 ms.`,
    })
    await within(2_000, attempt)
    await host.exec('kill -CONT "$(cat /tmp/sshd.pid)"')
  })
})

describe('the host', () => {
  it('whose /run is full is HostLockFailed, in its own words', async () => {
    const view = await (await open()).look(desired)
    await host.exec(`rm -f /run/bridgekeeper.lock; mount -o remount,nr_inodes=50 /run
      n=0; while true 2>/dev/null >/run/fill.$n; do n=$((n+1)); done`)
    onTestFinished(async () => void (await host.exec('rm /run/fill.*; mount -o remount,nr_inodes=20000 /run')))
    const attempt = expect(view.apply()).rejects.toMatchObject({
      reason: 'HostLockFailed',
      message: expect.stringMatching(/\/run\/bridgekeeper\.lock: No space left on device$/),
    })
    await within(limits.commandTimeout, attempt)
  })

  it('that falls silent in the midst of a batch is HostUnreachable by its keepalive, and does not begin a phase afterwards', async () => {
    const options = { ...usual, silence: 2_000 }
    // No phase begins later than this after the look; the lock that the batch waits for is held for longer.
    const rules = { commandTimeout: 6_000 }
    const driver = kvmDriver((target, signal) => connect(target, options, signal), 4814, silent, rules)
    const session = await driver.open(targetOf(host), new AbortController().signal)
    onTestFinished(() => session.close())
    const view = await session.look(desired)
    await host.exec(`setsid flock /run/bridgekeeper.lock sleep 7 >/dev/null 2>&1 </dev/null &
      while flock -n /run/bridgekeeper.lock true; do sleep 0.1; done`)
    const attempt = expect(view.apply()).rejects.toMatchObject({
      reason: 'HostUnreachable',
      message: `${host.address}:22 fell silent: nothing came of it for 2000 ms.`,
    })
    await cutOff(host.wire('eth0'), () => within(4_000, attempt))
    await host.exec('flock -w 20 /run/bridgekeeper.lock true')
  })
})

/** A port that is disabled drops what comes from either side, and nobody is told. */
async function cutOff(wire: string, meanwhile: () => Promise<void>): Promise<void> {
  const state = (number: string): Promise<unknown> =>
    runCommand('bridge', ['link', 'set', 'dev', wire, 'state', number])
  await state('0')
  try {
    await meanwhile()
  } finally {
    await state('3')
  }
}

describe('the jump host', () => {
  const through = (port = 22, given: Partial<SshOptions> = {}) => ({ jump: { address: gate.address, port }, ...given })

  it('leads to a host as if it were reached straight', async () => {
    expect(await look(through())).toMatchObject({ devices: 0, changes: [{ uri: 'vlan://3001' }] })
  })

  it('that shows a key which is not on record is JumpHostUntrusted', async () => {
    const { hostKeys } = usual
    const known = async (target: Parameters<typeof hostKeys.known>[0]) =>
      'jump' in target ? [] : await hostKeys.known(target)
    const attempt = look(through(22, { hostKeys: { known } }))
    await within(limits.connectTimeout, expect(attempt).rejects.toMatchObject({ reason: 'JumpHostUntrusted' }))
  })

  it('that does not forward is JumpHostRefused', async () => {
    const attempt = expect(look(through(spoilt))).rejects.toMatchObject({
      reason: 'JumpHostRefused',
      message: expect.stringContaining(
        `the jump host ${gate.address}:${spoilt} does not forward to ${host.address}:22`,
      ),
    })
    await within(2 * limits.connectTimeout, attempt)
  })

  it('that cannot reach the host leaves it the host’s own HostUnreachable', async () => {
    const attempt = expect(look(through(22, { port: 9 }))).rejects.toMatchObject({
      reason: 'HostUnreachable',
      message: expect.stringContaining(`${host.address}:9 through the jump host ${gate.address}:22: `),
    })
    await within(2 * limits.connectTimeout, attempt)
  })

  it('that is not there is JumpHostUnreachable', async () => {
    const attempt = look(through(9))
    await within(limits.connectTimeout, expect(attempt).rejects.toMatchObject({ reason: 'JumpHostUnreachable' }))
  })
})
