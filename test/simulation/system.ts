/**
 * Bridgekeeper for one cloud under the simulation: its functions, queues and schedule, wired as serverless.yml wires
 * them, over ports in memory. In: what happens to messages and calls. Out: calls, each of them told to the watches.
 */
import type { Context } from 'aws-lambda'
import { kvmDriver } from '../../shared/hypervisors/kvm/driver.ts'
import type { Message, QueueName } from '../../shared/queue/queues.ts'
import { silent } from '../../shared/runtime/logger.ts'
import type { Item, Store } from '../../shared/store/store.ts'
import { type Call, createCall } from './call.ts'
import { cloudStackOf, type Pass } from './cloudstackPort.ts'
import type { Deployed } from './deployed.ts'
import { createOf } from './functions.ts'
import type { FunctionName } from './incident.ts'
import { kvmConnections } from './kvmConnection.ts'
import { cloudStackSetsUp } from './machine.ts'
import { type Management, pairOf, persistent } from './management.ts'
import { createMemoryQueues, type Delivered, type MemoryQueues } from './memoryQueues.ts'
import { type Failure, queuesOf, storeOf } from './ports.ts'
import { createRandom, type Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import type { Troubles } from './troubles.ts'
import type { Watch } from './watch.ts'

/** The mark of the simulation's devices, and the one that is configured. */
export const mark = 4814

export interface SystemParts {
  readonly scheduler: Scheduler
  readonly store: Store
  /** Every item as it is now, by partition and sort key. */
  readonly items: Map<string, Item>
  readonly management: Management
  readonly deployed: Deployed
  readonly troubles: Troubles
  readonly watch: Required<Watch>
  readonly seed: string
  readonly skew: number
  readonly zombies: boolean
  readonly settings: Readonly<Record<string, string>>
  readonly pass?: Pass
  readonly tell: (sentence: string) => void
}

export interface System {
  readonly queues: MemoryQueues
  /** Begins a call that no queue begins. */
  invoke(name: FunctionName, event: unknown, about: string): void
  purge(queue: QueueName): void
}

export const itemAddress = (pk: string, sk: string): string => `${pk} / ${sk}`

const queueNames: readonly QueueName[] = ['snapshot', 'diff', 'provisionKvm', 'provisionCloudstack']
/** How long a message waits for its function, about. */
const pollMilliseconds = 200

export function createSystem(parts: SystemParts): System {
  const { scheduler, management, deployed, troubles, tell } = parts
  const { cloud } = management
  const random: Random = createRandom(`${parts.seed} ${cloud}`)
  const queues = createMemoryQueues(scheduler.now, deployed.of)
  const environment = { BRIDGEKEEPER_DRIVERS: drivers, ...parts.settings, BRIDGEKEEPER_CLOUD: cloud }
  const busy = new Map<QueueName, number>()
  let calls = 0

  const begin = (
    name: FunctionName,
    event: unknown,
    about: string,
    ended: (well: boolean) => void,
    newer = false,
  ): void => {
    const number = ++calls
    const call = createCall(scheduler, {
      function: name,
      cloud,
      about,
      number,
      newer,
      ...(name === 'operator' ? atDesk : deployed.of(name)),
      skew: parts.skew === 0 ? 0 : random.whole(-parts.skew, parts.skew),
      random: createRandom(`${parts.seed} ${cloud} ${number}`),
      fates: troubles.fatesOf(cloud, name),
      tell,
    })
    tell(`${call.name} begins${about === '' ? '' : `: ${about}`}`)
    let open = true
    const end = (well: boolean, how: string): void => {
      if (!open) return
      open = false
      tell(`${call.name} ${how}`)
      ended(well)
    }
    scheduler.at(call.endsAt, () => {
      if (open && !parts.zombies) call.kill()
      if (open && !call.alive()) parts.watch.over(call)
      end(false, 'runs out of time')
    })
    handlerOf(
      call,
      parts,
      environment,
      queues,
      wake,
    )(event, contextOf(call, scheduler)).then(
      (result) => {
        if (call.alive()) parts.watch.over(call)
        end(true, `ends: ${JSON.stringify(result)}`)
      },
      (error: unknown) => {
        parts.watch.over(call)
        end(false, `fails: ${error instanceof Error ? error.message : String(error)}`)
      },
    )
  }

  const deliver = (queue: QueueName, delivered: Delivered): void => {
    const misdelivery = troubles.misdeliveryOf(cloud, queue)
    const newer = misdelivery?.what === 'newer message'
    const lostAcknowledgement = misdelivery?.what === 'double'
    if (misdelivery !== undefined && !newer && !lostAcknowledgement) troubles.misdeliver(misdelivery)
    busy.set(queue, (busy.get(queue) ?? 0) + 1)
    scheduler.at(delivered.visibleAt, () => wake(queue))
    const ended = (well: boolean): void => {
      busy.set(queue, (busy.get(queue) ?? 0) - 1)
      if (well && !lostAcknowledgement) delivered.acknowledge()
      wake(queue)
    }
    begin(queue, eventOf(delivered, newer), aboutOf(delivered.body), ended, newer)
  }

  const wake = (queue: QueueName): void => {
    scheduler.at(scheduler.now() + Math.round(pollMilliseconds * (0.2 + random.next())), () => {
      if (['gives nothing', 'does neither'].includes(troubles.queuesOut(cloud, scheduler.now()) ?? '')) {
        scheduler.at(scheduler.now() + 5_000, () => wake(queue))
        return
      }
      const free = deployed.of(queue).atOnce - (busy.get(queue) ?? 0)
      for (const delivered of queues.receive(queue, free)) deliver(queue, delivered)
    })
  }

  const tick = (): void => {
    begin('snapshot', {}, '', () => {})
    scheduler.at(scheduler.now() + deployed.tickMilliseconds, tick)
  }
  scheduler.at(scheduler.now() + 1_000, tick)
  return {
    queues,
    invoke: (name, event, about) => begin(name, event, about, () => {}),
    purge: (queue) => {
      for (const name of queueNames) if (name === queue) queues.purge(name)
    },
  }
}

/** A command line is ended by nobody, and has no message that comes back. */
const atDesk = { timeoutMilliseconds: 600_000, visibilityMilliseconds: 600_000 }

/** VMware has no driver, so that its hosts show what nobody serves. */
export const drivers = 'KVM=kvm-ssh,Simulator=cloudstack'

function handlerOf(
  call: Call,
  parts: SystemParts,
  environment: Readonly<Record<string, string>>,
  queues: MemoryQueues,
  wake: (queue: QueueName) => void,
) {
  const { scheduler, management, troubles, watch, items } = parts
  const { cloud } = management
  let ids = 0
  const store = storeOf(call, {
    store: parts.store,
    watch,
    fails: () => storeFails(troubles.storeOut(cloud, scheduler.now()), call.random),
    current: (pk, sk) => items.get(itemAddress(pk, sk)),
    remember: (item) => void items.set(itemAddress(item.pk, item.sk), item),
    forget: (pk, sk) => void items.delete(itemAddress(pk, sk)),
  })
  const take = async (queue: QueueName, messages: readonly Message[]): Promise<void> => {
    for (const message of messages) {
      const misdelivery = troubles.misdeliveryOf(cloud, queue)
      if (misdelivery?.what === 'lose') continue
      if (misdelivery?.what === 'double' || misdelivery?.what === 'newer message') troubles.misdeliver(misdelivery)
      const arrive = async (): Promise<void> => {
        await queues.send(queue, [message])
        wake(queue)
      }
      if (misdelivery?.what === 'delay') scheduler.at(scheduler.now() + misdelivery.milliseconds, arrive)
      else await arrive()
    }
  }
  const cloudStackParts = {
    management,
    watch,
    bad: () => troubles.badAnswer(cloud, scheduler.now()),
    pass: parts.pass,
    sendNetworks: (id: string) => {
      const machine = management.machines.get(id)
      if (machine === undefined) return
      machine.requestedAt = scheduler.now()
      if (machine.fact.state !== 'Up' || machine.fact.resourceState === 'Maintenance') return // FACTS H: it aborts at once.
      for (const network of persistent(management))
        if (network.zone === machine.fact.zone) cloudStackSetsUp(machine, pairOf(management, network))
    },
  }
  const sleep = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => scheduler.at(scheduler.now() + milliseconds, () => call.alive() && resolve()))
  const driver = () => kvmDriver(kvmConnections(call, parts), mark, silent, call)
  const fails = () => sendFails(troubles.queuesOut(cloud, scheduler.now()))
  return createOf(call.function, driver)(environment, {
    store,
    queues: queuesOf(call, { watch, fails, take }),
    cloudstack: (gate) => cloudStackOf(call, { gate, ...cloudStackParts }),
    sleep,
    logger: silent,
    now: call.now,
    random: call.random.next,
    newId: () => `${cloud} ${call.name} ${++ids}`,
  })
}

function storeFails(how: ReturnType<Troubles['storeOut']>, random: Random): Failure {
  if (how === undefined || (how !== 'refuses' && random.chance(0.5))) return undefined
  return how === 'answers nothing' ? 'answer lost' : 'refused'
}

function sendFails(how: ReturnType<Troubles['queuesOut']>): Failure {
  if (how === 'answers nothing') return 'answer lost'
  return how === 'takes nothing' || how === 'does neither' ? 'refused' : undefined
}

const contextOf = (call: Call, scheduler: Scheduler): Context => ({
  functionName: call.function,
  functionVersion: '1',
  invokedFunctionArn: call.function,
  memoryLimitInMB: '0',
  awsRequestId: call.name,
  logGroupName: '',
  logStreamName: '',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => Math.max(0, call.endsAt - scheduler.now()),
  done() {},
  fail() {},
  succeed() {},
})

function eventOf({ body, receives }: Delivered, newer: boolean): unknown {
  const text = JSON.stringify(newer ? { ...body, v: body.v + 1, of: 'a newer version' } : body)
  return { Records: [{ messageId: 'm', body: text, attributes: { ApproximateReceiveCount: String(receives) } }] }
}

function aboutOf(body: Message['body']): string {
  if ('host' in body)
    return `host ${body.host}, tick ${body.tick}, ${body.why}${body.driver === undefined ? '' : `, by ${body.driver}`}`
  return 'tick' in body ? `zone ${body.zone}, tick ${body.tick}` : 'kicked'
}
