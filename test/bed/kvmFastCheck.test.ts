/** The fast check on a real kernel: what a verification costs while nothing has changed, and which damages force a listing. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Bed, BedHost } from '../../infra/local/bed/bed.ts'
import { startUmlBed } from '../../infra/local/bed/uml.ts'
import type { Driver, LastLook } from '../../shared/hypervisors/driver.ts'
import { kvmDriver } from '../../shared/hypervisors/kvm/driver.ts'
import { knownHostsFile } from '../../shared/hypervisors/kvm/knownHosts.ts'
import { connect } from '../../shared/hypervisors/kvm/ssh.ts'
import { type Run, run } from '../../shared/hypervisors/run.ts'
import { network, targetOf } from '../hypervisors/kvm/factory.ts'

let bed: Bed
let host: BedHost
let driver: Driver
const count = { execs: 0, listings: 0, bytes: 0 }
beforeAll(async () => {
  bed = await startUmlBed({ hosts: [{ name: 'kvm-1' }] })
  host = bed.host('kvm-1')
  await host.exec(
    'modprobe -d /run/bed/modules tun; mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200',
  )
  const { user, port, privateKeyFile, knownHostsFile: file } = host
  const options = { user, port, privateKey: await readFile(privateKeyFile, 'utf8'), hostKeys: knownHostsFile(file) }
  driver = kvmDriver(async (target, signal) => {
    const connection = await connect(target, options, signal)
    return {
      ...connection,
      exec: async (command, input) => {
        const answer = await connection.exec(command, input)
        count.execs += 1
        count.bytes += answer.stdout.length
        if (answer.stdout.includes('@@bridgekeeper:links@@')) count.listings += 1
        return answer
      },
    }
  })
})
afterAll(() => bed?.stop())

const desired = { networks: ['vlan://3001', 'vlan://3002', 'vxlan://70001'].map((uri) => network(uri)), labels: [] }

async function verify(last?: LastLook): Promise<Run & typeof count> {
  Object.assign(count, { execs: 0, listings: 0, bytes: 0 })
  const ran = await run(driver, targetOf(host), desired, 'apply', new AbortController().signal, undefined, last)
  return { ...ran, ...count }
}

const lastOf = ({ seen, devices }: Run): LastLook => {
  if (seen === undefined) throw new Error('nothing was seen')
  return { seen, devices }
}

let last: LastLook | undefined
beforeEach(async () => {
  const ran = await verify(last)
  expect(ran).toMatchObject({ verdict: 'InSync', devices: 6 })
  last = lastOf(ran)
})

it('a host where there is nothing to do costs one command, no listing and some bytes, again and again', async () => {
  for (const _ of [1, 2]) {
    const ran = await verify(last)
    expect(ran).toMatchObject({ verdict: 'InSync', devices: 6, unchanged: true, execs: 1, listings: 0 })
    expect(ran.bytes).toBeLessThan(200)
  }
})

it('a VM that starts, sends and stops changes nothing', async () => {
  await host.exec('ip tuntap add dev vnet3 mode tap && ip link set vnet3 master breth1-3001 && ip link set vnet3 up')
  await host.exec('ping -c 1 -W 1 -I cloudbr1 192.0.2.9 >/dev/null 2>&1; true')
  expect(await verify(last)).toMatchObject({ unchanged: true, execs: 1, listings: 0 })
  await host.exec('ip link del vnet3')
  expect(await verify(last)).toMatchObject({ unchanged: true, execs: 1, listings: 0 })
})

describe('each of these forces a listing, and ours is right after it', () => {
  it.each([
    ['a bridge deleted', 'ip link del breth1-3001'],
    ['a VLAN device down', 'ip link set eth1.3001 down'],
    ['a VLAN device without its bridge', 'ip link set eth1.3001 nomaster'],
    ['IPv6 switched on', 'sysctl -q -w net/ipv6/conf/eth1.3001/disable_ipv6=0'],
    ['the route of a VXLAN group deleted', 'ip route del 239.1.17.113'],
    ['a VLAN device made anew', 'ip link del eth1.3001; ip link add link eth1 name eth1.3001 type vlan id 3001'],
  ])('%s', async (_says, damage) => {
    await host.exec(damage)
    const ran = await verify(last)
    expect(ran).toMatchObject({ verdict: 'InSync', devices: 6, unchanged: false })
    expect(ran.listings).toBe(2)
    last = lastOf(ran)
  })
})

describe('each of these forces a listing, which tells it', () => {
  it.each([
    [
      'a device in another bridge',
      'ip link add br9 type bridge; ip link set eth1.3001 master br9',
      'ip link del br9',
      'Conflict',
    ],
    [
      'the tag above the uplink’s bridge',
      'ip link add link cloudbr1 name cloudbr1.3001 type vlan id 3001',
      'ip link del cloudbr1.3001',
      'Conflict',
    ],
  ])('%s', async (_says, damage, repair, reason) => {
    await host.exec(damage)
    const ran = await verify(last)
    expect(ran).toMatchObject({ verdict: 'OutOfSync', unchanged: false })
    expect(ran.findings.map((finding) => finding.reason)).toContain(reason)
    await host.exec(repair)
  })

  it.each([
    ['the mark taken away', 'ip link set eth1.3002 group 0', 'ip link set eth1.3002 group 4814'],
    ['another name given', 'ip link property add dev lo altname x1', 'ip link property del dev lo altname x1'],
  ])('%s, and all is right', async (_says, damage, repair) => {
    await host.exec(damage)
    expect(await verify(last)).toMatchObject({ verdict: 'InSync', unchanged: false, execs: 1, listings: 1 })
    await host.exec(repair)
  })
})
