import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { startXapiSimulator } from '../../infra/local/xapiSimulator/simulator.ts'
import { xapiParts } from './xapiPython.ts'

const run = promisify(execFile)

it('the XAPI simulator serves PyPI’s XenAPI, with the codes that XAPI would give it', async () => {
  const simulator = await startXapiSimulator({ pools: [{ name: 'pool', hosts: ['xen1', 'xen2'] }] })
  const { username, password, port, pool } = simulator
  const urls = ['xen2', 'xen1'].map(
    (name) => `https://${pool.hosts.find((host) => host.name === name)?.address}:${port}`,
  )
  const args = [join(import.meta.dirname, 'xapiClient.py'), ...urls, username, password]
  const { stdout } = await run('python3', args, {
    env: { PYTHONPATH: xapiParts, PATH: process.env.PATH },
    timeout: 20_000,
  })
  expect(JSON.parse(stdout)).toEqual({
    slave: 'HOST_IS_SLAVE',
    'wrong password': 'SESSION_AUTHENTICATION_FAILED',
    version: '2.21',
    network: ['made by Python', { by: '<&>' }, ['a'], '1500', 1],
    PIF: ['eth1', '100', true],
    second: 'NETWORK_ALREADY_CONNECTED',
    '4095': ['VLAN_TAG_INVALID', '4095'],
    left: [],
  })
  await simulator.close()
})
