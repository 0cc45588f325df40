import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Xapi } from 'xen-api'
import type { XapiSimulator } from '../../../infra/local/xapiSimulator/simulator.ts'
import { type MethodCall, methodResponse, readMethodCall } from '../../../infra/local/xapiSimulator/xmlRpc.ts'
import { startPool, targetOf } from './factory.ts'

describe.each(['json-rpc', 'xml-rpc'])('the XAPI simulator, asked by npm’s xen-api over %s', (transport) => {
  let simulator: XapiSimulator
  let xapi: Xapi
  beforeEach(async () => {
    simulator = await startPool()
    const { username: user, password, port } = simulator
    // The second host is a slave: the client is sent on to the master.
    const url = `https://${targetOf(simulator, 'xen2').address}:${port}`
    xapi = new Xapi({ url, auth: { user, password }, allowUnauthorized: true, watchEvents: false, transport })
    await xapi.connect()
  })
  afterEach(async () => {
    await xapi.disconnect()
    await simulator.close()
  })

  it('shows its pool, and the networks of its hosts', async () => {
    expect(xapi.pool.name_label).toBe('pool')
    const networks = Object.values(await xapi.call<Record<string, { name_label: string }>>('network.get_all_records'))
    expect(networks.map((network) => network.name_label)).toContain('guests')
    expect(simulator.pool.requests['session.login_with_password']).toBe(2)
  })

  it('makes a network with its VLAN, and says why it does not make a second one', async () => {
    const network = await xapi.call<string>('network.create', {
      name_label: 'made elsewhere',
      name_description: '',
      MTU: 1500,
      other_config: { automatic: 'false' },
      tags: ['a'],
    })
    const [base = ''] = await xapi.call<string[]>('network.get_by_name_label', 'guests')
    const [pif] = await xapi.call<string[]>('network.get_PIFs', base)
    const vlan = await xapi.call<string>('VLAN.create', pif, 100, network)
    expect(simulator.pool.vlansOf(network)).toEqual(['xen1 eth1.100'])
    const other = await xapi.call<string>('network.create', { name_label: 'other', MTU: 0, other_config: {}, tags: [] })
    await expect(xapi.call('VLAN.create', pif, 100, other)).rejects.toMatchObject({
      code: 'PIF_VLAN_EXISTS',
      params: ['eth1'],
    })
    await expect(xapi.call('network.destroy', network)).rejects.toMatchObject({ code: 'NETWORK_CONTAINS_PIF' })
    await xapi.call('VLAN.destroy', vlan)
    await xapi.call('network.destroy', network)
    await expect(xapi.call('network.get_record', network)).rejects.toMatchObject({ code: 'HANDLE_INVALID' })
  })
})

describe('the XAPI simulator’s own rules', () => {
  it('refuse a wrong password by XAPI’s code', async () => {
    const simulator = await startPool(['xen1'])
    const call = (password: string) =>
      simulator.pool.call(simulator.pool.master().address, 'session.login_with_password', ['root', password])
    await expect(call('wrong')).rejects.toThrow('SESSION_AUTHENTICATION_FAILED')
    await expect(call('simulated')).resolves.toMatch(/^OpaqueRef:/)
    await simulator.close()
  })

  it.each<MethodCall>([
    { method: 'a.b', parameters: [] },
    { method: 'a.b', parameters: ['x & <y>', '', { key: 'value', none: '' }, ['1', 'two'], true] },
  ])('read what XML-RPC writes: %j', (call) => {
    const value = (parameter: unknown): string =>
      /<params>.*<\/params>/s.exec(methodResponse({ value: parameter }))?.[0] ?? ''
    const inner = (parameter: unknown): string =>
      /<name>Value<\/name>(.*)<\/member><\/struct><\/value><\/param>/s.exec(value(parameter))?.[1] ?? ''
    const parameters = call.parameters.map((parameter) => `<param>\n${inner(parameter)}</param>`).join('\n')
    const text = `<?xml version='1.0'?>\n<methodCall>\n<methodName>${call.method}</methodName>\n<params>${parameters}</params>\n</methodCall>`
    expect(readMethodCall(text)).toEqual(call)
  })
})
