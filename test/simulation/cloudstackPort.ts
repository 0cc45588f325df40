/**
 * CloudStack as one call sees it: the product's own paging, parsing and judging of events over rows in memory, each page
 * a step that can go wrong. In: a call and what CloudStack really has. Out: the port. There is no HTTP and no signature.
 */
import { hostRow } from '../../shared/cloudstack/answers.ts'
import type { CloudStack } from '../../shared/cloudstack/client.ts'
import { NoAnswer, RequestRefused } from '../../shared/cloudstack/errors.ts'
import { judge, parseCursor } from '../../shared/cloudstack/events.ts'
import { type List, readFacts, readNetwork, readNetworksOn } from '../../shared/cloudstack/facts.ts'
import type { Gate } from '../../shared/cloudstack/gate.ts'
import { readAll } from '../../shared/cloudstack/paging.ts'
import type { Call } from './call.ts'
import type { BadAnswer } from './incident.ts'
import { type Management, rowsOf } from './management.ts'
import type { Watch } from './watch.ts'

export interface CloudStackParts {
  readonly gate: Gate
  readonly management: Management
  readonly watch: Required<Watch>
  /** How CloudStack answers badly now, if it does. */
  readonly bad: () => BadAnswer | undefined
  /** How long that lasts, and who wants to know of it; 8 s unless told. */
  readonly pass?: Pass | undefined
  /** Sends a host every network, as its own pass does. */
  readonly sendNetworks: (host: string) => void
}

/** CloudStack's own pass over a host, within updateHost. */
export interface Pass {
  readonly milliseconds: number
  readonly begins: (host: string) => void
  readonly ends: (host: string) => void
}

/** Small, so that every listing has several pages that may shift. */
const pageSize = 4
const ordinary = 300
const slow = 20_000
const patience = 60_000

export function cloudStackOf(call: Call, parts: CloudStackParts): CloudStack {
  const { gate, management, watch } = parts
  /** A request, from the gate to its answer, as the real transport has it. */
  const request = async <T>(
    told: string,
    takes: number,
    before: (() => void) | undefined,
    effect: () => T,
  ): Promise<T> => {
    await gate.pass()
    before?.()
    watch.asked(call)
    try {
      const answer = await call.step(told, takes, effect)
      await gate.answered()
      return answer
    } catch (error) {
      if (!(error instanceof NoAnswer)) await gate.answered()
      else if (told !== 'updateHost') await gate.failed(error.message)
      throw error
    }
  }
  const ask = <T>(command: string, answer: (bad: BadAnswer | undefined) => T): Promise<T> => {
    const bad = parts.bad()
    const takes = bad === 'slow' ? slow : bad === 'hangs' ? patience : ordinary
    return request(`CloudStack's ${command}`, takes, undefined, () => {
      if (bad === 'refuses') throw new RequestRefused(530, `${command}: the server failed`)
      if (bad === 'hangs') throw new NoAnswer(`${command}: no answer within 60 s`, true)
      return answer(bad)
    })
  }

  const list: List = (command, parameters, _name, row) =>
    readAll(command, pageSize, (page) =>
      ask(command, (bad) => {
        const wrong = unreliable.includes(command) ? bad : undefined
        if (wrong === 'empty') return { count: 0, rows: [] }
        const all = rowsOf(management, command, parameters)
        const rows = all.slice((page - 1) * pageSize, page * pageSize)
        const sent = wrong === 'partial' ? rows.slice(0, rows.length >> 1) : rows
        return { count: all.length, rows: sent.map((one) => row.parse(wrong === 'no URIs' ? blind(one) : one)) }
      }),
    )

  return {
    listHosts: async () => {
      const hosts = await list('listHosts', { type: 'Routing', details: 'min' }, 'host', hostRow)
      watch.listedHosts(call, hosts)
      return hosts
    },
    listFacts: () => {
      watch.listsNetworks(call)
      return readFacts(list)
    },
    hostsNow: (which) => list('listHosts', { ...which }, 'host', hostRow),
    reconnectHost: () => Promise.reject(new Error('this CloudStack reconnects no host')),
    network: (id) => readNetwork(list, id),
    networksOn: (zone, physicalNetwork) => readNetworksOn(list, zone, physicalNetwork),
    changedSince: async (text) => {
      const cursor = parseCursor(text)
      const rows = await ask('listEvents', () => [...management.events].reverse().slice(0, 500))
      const judged = judge(cursor, { count: management.events.length, rows }, call.now())
      return { changed: judged.changed, cursor: JSON.stringify(judged.cursor) }
    },
    updateHost: (id, before) => {
      const begins = (): void => {
        before?.()
        parts.pass?.begins(id)
      }
      return request('updateHost', parts.pass?.milliseconds ?? 8_000, begins, () => {
        parts.pass?.ends(id)
        if (parts.bad() === 'refuses') throw new RequestRefused(530, 'updateHost: the server failed')
        const machine = management.machines.get(id)
        if (machine === undefined || !machine.listed) throw new RequestRefused(431, `updateHost: no host ${id}`)
        parts.sendNetworks(id)
        watch.looked(call, machine)
        if (parts.bad() === 'hangs') throw new NoAnswer('updateHost: no answer within 10 minutes', true)
      })
    },
    call: (command, _parameters, schema) =>
      command === 'listCapabilities'
        ? ask(command, () => schema.parse({ capability: { cloudstackversion: '4.18.0.0' } }))
        : Promise.reject(new Error(`this CloudStack answers no ${command}`)),
  }
}

const unreliable: readonly string[] = ['listHosts', 'listNetworks']

/** An account that lost its right sees no URIs (FACTS F1). */
function blind(row: Readonly<Record<string, unknown>>): object {
  const { broadcasturi: _hidden, ...rest } = row
  return rest
}
