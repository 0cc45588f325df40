/**
 * The demo, told as it happens. In: what the hosts are. Out: its figures. Every "is right" in it is read from the host
 * itself, not from Bridgekeeper.
 */
import { Listr } from 'listr2'
import { events } from './events.ts'
import type { Kernel } from './hosts.ts'
import { pairsOf, uplink, zoneOf } from './scene.ts'
import { firstHosts, intervalSeconds, type Stage, setStage, verifySeconds } from './stage.ts'
import { lookAtAll, matrix } from './table.ts'
import { pairOf } from './witness.ts'

export interface Figures {
  readonly ok: boolean
  readonly hosts: number
  readonly inSync: number
  readonly devicesCreated: number
  readonly devicesVerified: number
  readonly kernel: Kernel
  readonly seconds: number
}

const hostsAre: Readonly<Record<Kernel, string>> = {
  uml: 'user-mode-linux guests, each with a kernel of its own',
  netns: 'network namespaces on this kernel',
  simulated: 'simulated in memory, behind a real SSH server each',
}

export async function tell(kernel: Kernel, say: (text: string) => void): Promise<Figures> {
  const started = Date.now()
  let stage: Stage | undefined
  const told = async (title: string, task: (report: (text: string) => void) => Promise<void>): Promise<void> => {
    const list = new Listr([
      {
        title,
        task: (_, self) =>
          task((text) => {
            self.title = `${title}: ${text}`
          }),
      },
    ])
    await list.run()
  }
  try {
    await told(`Six hosts boot (${hostsAre[kernel]})`, async (report) => {
      stage = await setStage(kernel)
      report(`ready after ${secondsSince(started)} s`)
    })
    if (stage === undefined) throw new Error('the stage was not set')
    return await play(stage, kernel, started, told, say)
  } finally {
    await stage?.stop()
  }
}

type Told = (title: string, task: (report: (text: string) => void) => Promise<void>) => Promise<void>

async function play(
  stage: Stage,
  kernel: Kernel,
  started: number,
  told: Told,
  say: (text: string) => void,
): Promise<Figures> {
  const first = stage.hosts.hosts.filter((host) => firstHosts.includes(host.name))
  say(`\nCloudStack has the networks, the hosts do not:\n${matrix(await lookAtAll(first, false), false)}`)

  await told('Bridgekeeper starts: snapshot, diff, one job a host', async (report) => {
    const from = Date.now()
    await stage.startBridgekeeper()
    await stage.untilRight(firstHosts, false)
    await stage.untilInSync(firstHosts.length)
    report(`${firstHosts.length} hosts have every network after ${secondsSince(from)} s`)
  })

  say('Then, all at once:')
  await new Listr(
    events.map((event) => ({
      title: `${event.host} ${event.title}`,
      task: async (_: unknown, self: { title: string }) => {
        await event.happen(stage)
        const from = Date.now()
        await stage.untilRight([event.host], true)
        self.title = `${event.host} ${event.title}: right ${secondsSince(from)} s after CloudStack shows it`
      },
    })),
    { concurrent: true },
  ).run()
  await told('Every host is looked at once more', async () => {
    await stage.untilRight(
      stage.hosts.hosts.map((host) => host.name),
      true,
    )
    await stage.untilInSync(stage.hosts.hosts.length)
  })

  const seen = await lookAtAll(stage.hosts.hosts, true)
  say(`\nNow, as the hosts themselves show it:\n${matrix(seen, true)}`)
  const pair = pairOf(uplink, 101)
  say(`\nOne network on kvm4 (${kernel}), in CloudStack's names:\n${narrow(await stage.host('kvm4').show(pair))}`)
  const records = await stage.records()
  const right = seen.filter(({ host, right }) => right.length === pairsOf(zoneOf(host), true).length)
  const figures = {
    ok: right.length === seen.length && records.length === seen.length,
    hosts: seen.length,
    inSync: records.filter((record) => record.verdict === 'InSync').length,
    devicesCreated: records.reduce((sum, record) => sum + record.created, 0),
    devicesVerified: seen.reduce((sum, each) => sum + 2 * each.right.length, 0),
    kernel,
    seconds: secondsSince(started),
  }
  say(
    `\n${figures.ok ? 'ok' : 'NOT ok'}: ${figures.inSync} of ${figures.hosts} hosts in sync, ${figures.devicesCreated} devices created, ` +
      `${figures.devicesVerified} verified, ${figures.seconds} s. A tick was ${intervalSeconds} s here and a verification ${verifySeconds} s; ` +
      'by default they are a minute and an hour.',
  )
  return figures
}

/** The kernel's long lines, cut where a terminal would wrap them. */
const narrow = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => (line.length > 130 ? `${line.slice(0, 129)}…` : line))
    .join('\n')

const secondsSince = (from: number): number => Math.round((Date.now() - from) / 100) / 10
