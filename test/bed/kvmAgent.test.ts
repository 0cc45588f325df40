/** The agent on a real kernel, as it is installed: served over mutual TLS, killed, rebooted, asked over SSH by an account of few rights. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildAgent } from '../../infra/agent/build.ts'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import { type Driver, HostError, type LastLook } from '../../shared/hypervisors/driver.ts'
import { agentDriver } from '../../shared/hypervisors/kvm/agent/driver.ts'
import { httpsLine } from '../../shared/hypervisors/kvm/agent/https.ts'
import { createKvmSshDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { connect } from '../../shared/hypervisors/kvm/ssh.ts'
import { type Run, run } from '../../shared/hypervisors/run.ts'
import { createPki, type Issued, type Pki } from '../agent/real/pki.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

let bed: Bed
let host: BedHost
let folder: string
let pki: Pki
let provisioner: Issued
let driver: Driver
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-bed-'))
  pki = createPki()
  await buildAgent(folder)
  bed = await startUmlBed({ hosts: [{ name: 'kvm-1', memory: 512 }] })
  host = bed.host('kvm-1')
  const own = pki.issue('host', 'kvm-1', [`IP:${host.address}`])
  provisioner = pki.issue('provisioner', 'bridgekeeper', [])
  const [certificate, key, ca] = await Promise.all(
    [provisioner.certificate, provisioner.key, pki.ca].map((file) => readFile(file, 'utf8')),
  )
  driver = agentDriver(
    async (target, signal) =>
      httpsLine(target, { certificate: certificate ?? '', key: key ?? '', ca: ca ?? '' }, signal),
    { mode: 'apply' },
  )
  const configuration = { admit: ['bridgekeeper'], ...own, ca: pki.ca, pollSeconds: 3600, restoreSeconds: 20 }
  await disk()
  await host.exec(`cat >/var/lib/bridgekeeper/agent.json <<'END'\n${JSON.stringify(configuration)}\nEND`)
  await serve()
}, 120_000)
afterAll(async () => {
  await bed?.stop()
  for (const one of [folder, pki?.folder]) await rm(one, { recursive: true, force: true })
})

/** A disk that outlives a boot, which the guest's own does not. */
const disk = (): Promise<string> =>
  host.exec(`mkdir -p /var/lib/bridgekeeper && mount -t hostfs none /var/lib/bridgekeeper -o ${folder}`)

const agent = (command: string): string =>
  `${process.execPath} ${folder}/bridgekeeper-agent.cjs ${command} --config /var/lib/bridgekeeper/agent.json`

async function serve(): Promise<void> {
  await host.exec(
    `setsid ${agent('serve')} >/run/agent.log 2>&1 </dev/null & echo $! >/run/agent.pid; ` +
      'for i in $(seq 100); do grep -q listening /run/agent.log && exit 0; sleep 0.2; done; cat /run/agent.log; exit 1',
  )
}

const networks = (count: number) => Array.from({ length: count }, (_, at) => network(`vlan://${1001 + at}`))
const provision = (count: number, last?: LastLook, by = driver): Promise<Run> =>
  run(
    by,
    targetOf(host),
    { networks: networks(count), labels: [] },
    'apply',
    new AbortController().signal,
    undefined,
    last,
  )
const devices = async (): Promise<readonly string[]> =>
  (await host.exec('ls /sys/class/net')).split('\n').filter((name) => /eth1[.-]\d+$/.test(name))

async function until(what: string, isSo: () => Promise<boolean>, seconds = 30): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await delay(200)) if (await isSo()) return
  throw new Error(`not within ${seconds} s: ${what}`)
}

it('a host is provisioned and verified by its agent, as over SSH', async () => {
  const first = await provision(3)
  expect(first).toMatchObject({ verdict: 'InSync', created: 6, devices: 6, agent: { repairs: 0 } })
  if (first.seen === undefined) throw new Error('nothing was seen')
  expect(await provision(3, { seen: first.seen, devices: 6 })).toMatchObject({ verdict: 'InSync', unchanged: true })
  const bare = await host.exec('ip -d link show dev eth1.1001; cat /proc/sys/net/ipv6/conf/eth1.1001/disable_ipv6')
  expect(bare).toMatch(/master breth1-1001 .*group 4814[\s\S]*vlan protocol 802.1Q id 1001[\s\S]*\n1\n$/)
})

it('a device that somebody sets down or takes apart is right again within seconds, and the next run tells it', async () => {
  await host.exec('ip link set dev eth1.1001 down; ip link set dev eth1.1002 nomaster')
  await until('both are right again', async () => {
    const links = await host.exec('ip -o link show dev eth1.1001; ip -o link show dev eth1.1002')
    return /1001@.*,UP.*\n.*1002@.*master breth1-1002/.test(links)
  })
  await until('it is counted', async () => {
    const { agent: seen, repaired } = await provision(3)
    return (seen?.repairs ?? 0) > 0 && repaired?.includes('eth1.1001') === true
  })
})

describe.each([
  ['alone', 'kill -9 $pid'],
  ['with all that it started, as its unit ends it', 'kill -9 $pid $(cat /proc/$pid/task/$pid/children)'],
])('killed %s in the middle of a batch', (_how, kill) => {
  it('it converges with the next run', async () => {
    const count = 60
    await provision(0)
    await host.exec(
      'for id in $(seq 1001 1060); do echo link del eth1.$id; echo link del breth1-$id; done | ip -force -batch - 2>/dev/null; true',
    )
    // The guest watches by itself, since a batch is over before it could be told from here that it has begun.
    const watching =
      'until set -- /sys/class/net/breth1-* && [ $# -ge 5 ]; do [ "$((n += 1))" -lt 5000000 ] || exit 1; done'
    const killing = host.exec(`n=0; pid=$(cat /run/agent.pid); ${watching}; ${kill}`)
    const killed = provision(count).catch((error: unknown) => error)
    await killing
    expect(await killed).toBeInstanceOf(HostError)
    await serve()
    await until('no batch goes on', async () => {
      const before = (await devices()).length
      await delay(500)
      return (await devices()).length === before
    })
    expect(await provision(count)).toMatchObject({ verdict: 'InSync', devices: 2 * count })
  })
})

it('a reboot finds its devices back before CloudStack’s agent would start', async () => {
  const before = await devices()
  expect(before).toHaveLength(120)
  await host.reboot()
  expect(await devices()).toEqual([])
  await disk()
  // In the order of the unit: ExecStartPre, then whatever stands behind it.
  const seen = await host.exec(`${agent('restore')} 2>/run/restore.log; ls /sys/class/net`)
  expect(seen.split('\n').filter((name) => /eth1[.-]\d+$/.test(name))).toEqual(before)
  await serve()
  expect(await provision(60)).toMatchObject({ verdict: 'InSync', created: 0, devices: 120 })
})

describe('asked over SSH by an account that may do nothing else', () => {
  let options: Parameters<typeof createKvmSshDriver>[0]
  beforeAll(async () => {
    const publicKey = (await readFile(`${host.privateKeyFile}.pub`, 'utf8')).trim()
    await host.exec(
      `ln -sf ${process.execPath} /usr/local/bin/node && printf '%s\\n' '${publicKey}' >/run/id.pub && ` +
        `sh ${folder}/install.sh --once-only --user keeper --key /run/id.pub`,
    )
    // The guest's own sshd lets its one key in as anybody; this one reads the account's own file, as on a real host.
    await host.exec(
      "sed 's/^AuthorizedKeysFile.*/AuthorizedKeysFile .ssh\\/authorized_keys/; s/^ListenAddress.*/Port 2222/' " +
        '/run/bed/hosts/kvm-1/sshd_config >/run/sshd_config && /usr/sbin/sshd -f /run/sshd_config',
    )
    const key = (await readFile(host.knownHostsFile, 'utf8')).split('\n').find((line) => line.includes(host.address))
    options = {
      user: 'keeper',
      port: 2222,
      privateKey: await readFile(host.privateKeyFile, 'utf8'),
      hostKeys: { known: async () => [(key ?? '').split(' ').slice(1, 3).join(' ')] },
    }
  })

  it('it looks and applies all the same', async () => {
    await host.exec('ip link del eth1.1001; ip link del breth1-1001')
    expect(await provision(60, undefined, createKvmSshDriver(options))).toMatchObject({
      verdict: 'InSync',
      devices: 120,
    })
  })

  it('whatever else that account wants to run is not run', async () => {
    const connection = await connect(targetOf(host), options, new AbortController().signal)
    const { stdout } = await connection.exec('id; touch /run/by-hand', '{"v":1}\n')
    await connection.close()
    expect(stdout).not.toContain('uid=')
    expect(stdout).toContain('"failed"')
    expect(await host.exec('ls /run')).not.toContain('by-hand')
  })

  it('without the rule of sudo it says so', async () => {
    await host.exec('mv /etc/sudoers.d/bridgekeeper /run/rule')
    await expect(provision(60, undefined, createKvmSshDriver(options))).rejects.toMatchObject({ reason: 'SudoRefused' })
    await host.exec('mv /run/rule /etc/sudoers.d/bridgekeeper')
  })

  it('without the agent it says so', async () => {
    await host.exec('mv /usr/sbin/bridgekeeper-agent /run/away')
    await expect(provision(60, undefined, createKvmSshDriver(options))).rejects.toMatchObject({
      reason: 'AgentMissing',
    })
    await host.exec('mv /run/away /usr/sbin/bridgekeeper-agent')
  })
})
