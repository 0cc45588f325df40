/** A server that says our own secrets back to us: none of them is in what a run tells, whatever it is that the server refuses. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SimulatedFailure } from '../../infra/local/xapiSimulator/failure.ts'
import type { XapiSimulator } from '../../infra/local/xapiSimulator/simulator.ts'
import type { Target } from '../../shared/hypervisors/driver.ts'
import { hidden } from '../../shared/hypervisors/hidden.ts'
import { run } from '../../shared/hypervisors/run.ts'
import { createVmwareDriver } from '../../shared/hypervisors/vmware/driver.ts'
import { VimFault } from '../../shared/hypervisors/vmware/soap.ts'
import { createVcenters } from '../../shared/hypervisors/vmware/vcenter.ts'
import type { Element } from '../../shared/hypervisors/vmware/xml.ts'
import { desiredOf } from '../factories.ts'
import { driverFor, network, startPool, targetOf } from './xenserver/factory.ts'

describe('what is hidden', () => {
  const secret = `p"a'<&> s`

  it.each([
    ['as it is', secret],
    ['in JSON', JSON.stringify({ secret })],
    ['in an address', `https://x/?p=${encodeURIComponent(secret)}`],
    ['in XML', `<p>p"a'&lt;&amp;&gt; s</p>`],
    ['in XML with quotes', `<p q="p&quot;a'&lt;&amp;&gt; s"/>`],
    ['in XML with apostrophes', `<p q="p&quot;a&apos;&lt;&amp;&gt; s"/>`],
  ])('is a secret %s', (_where, text) => {
    const left = hidden(text, [secret])
    expect(left).toContain('(hidden)')
    expect(left).not.toMatch(/p("|&quot;|\\"|%22)a/)
  })

  it('is the longer one first, where one holds the other', () => {
    expect(hidden('hunter2000 hunter', ['hunter', 'hunter2000'])).toBe('(hidden) (hidden)')
  })

  it('is nothing of three characters, which would be told by the places where it was', () => {
    expect(hidden('a cat', ['cat', ''])).toBe('a cat')
  })
})

describe('a XAPI that says back what it was told', () => {
  let simulator: XapiSimulator
  let session = ''
  beforeEach(async () => {
    simulator = await startPool(['xen1'])
    const [pool] = simulator.pools
    if (pool === undefined) throw new Error('there is no pool')
    const answered = pool.call
    pool.call = async (...given) => {
      const answer = await answered(...given)
      if (given[1] === 'session.login_with_password') session = String(answer)
      return answer
    }
  })
  afterEach(() => simulator.close())

  it.each(['session.login_with_password', 'pool.get_all_records', 'VLAN.create', 'network.create'])(
    'in what it refuses of %s',
    async (refused) => {
      const { pool, password } = simulator
      pool.before = (method) => {
        if (method === refused) throw new SimulatedFailure('INTERNAL_ERROR', `no: ${password} ${session || password}`)
      }
      const told = await run(
        driverFor(simulator),
        targetOf(simulator, 'xen1'),
        desiredOf([network('vlan://100')]),
        'apply',
        AbortSignal.timeout(20_000),
      ).then(JSON.stringify, (error: Error) => `${error.message} ${error.stack}`)
      expect(told).toContain('INTERNAL_ERROR no: (hidden) (hidden)')
      expect(told).not.toContain(password)
      expect(told).not.toContain(session || password)
    },
  )
})

describe('a vCenter that says back what it was told', () => {
  const credentials = { url: 'https://vc.example.org/sdk', datacenter: 'DC0', username: 'bk', password: 'hunter2&co' }
  const target: Target = {
    ...{ cloud: 'c', zone: 'z', id: 'h', cluster: 'k', name: 'esx1', address: '192.0.2.1', resourceState: 'Enabled' },
  }

  it.each(['RetrieveServiceContent', 'Login'])('in its fault to %s, whole or where it is cut', async (refused) => {
    for (const before of ['', 'x'.repeat(480), 'x'.repeat(1990)]) {
      const driver = createVmwareDriver({
        credentials: () => credentials,
        lease: () => () => Promise.reject(new Error('there is nothing to share')),
        mark: 4814,
        now: Date.now,
        vcenters: createVcenters(() => ({
          call: async (method) => {
            if (method === refused) throw new VimFault('InvalidLogin', `${before} cannot log in with hunter2&co`)
            return serviceContent
          },
          close: () => undefined,
        })),
      })
      const error: unknown = await driver.open(target, new AbortController().signal).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ name: 'HostError', reason: 'VcenterRefused' })
      expect(String(error)).not.toMatch(/hunt|hunter2/)
    }
  })
})

const element = (name: string, children: readonly Element[] = [], id?: string): Element => ({
  ...{ name, text: id ?? '', children },
  ...(id === undefined ? {} : { kind: name }),
})
const serviceContent = element('Response', [
  element('returnval', [
    ...['propertyCollector', 'sessionManager', 'customFieldsManager', 'searchIndex'].map((name) =>
      element(name, [], name),
    ),
  ]),
])
