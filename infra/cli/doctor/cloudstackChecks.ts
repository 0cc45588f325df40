/**
 * The checks of CloudStack and of the key, in the order in which one depends on the other. In: evidence, and the settings of
 * one cloud. Out: checks. What each evidence means is judge.ts; nothing here changes anything.
 *
 * | check        | an error is                                         | a warning is                                         |
 * |--------------|-----------------------------------------------------|------------------------------------------------------|
 * | reachable    | no answer of CloudStack                             |                                                      |
 * | TLS          | a certificate that is not trusted, or has ended     | http; a certificate that ends soon                   |
 * | clock        | five minutes apart: requests are good for ten       | one minute apart                                     |
 * | key          | it is refused                                       |                                                      |
 * | version      |                                                     | older than 4.11, newer than 4.22, or not to be read  |
 * | upstream     | below 4.17 with the driver cloudstack               |                                                      |
 * | right to …   | a call that is made is not allowed                  | it cannot be told                                    |
 * | least rights |                                                     | calls are allowed that are never made                |
 * | sight        | a network without its broadcast URI                 | there is no network yet by which it could be proven  |
 * | cost         | a listing fails                                     | a tick takes longer than a third of a minute         |
 * | webhook      |                                                     | ours is switched off; the listing fails              |
 */
import type { Settings } from '../../../shared/runtime/settings.ts'
import type { Check, Finding } from './check.ts'
import type { Answer, Evidence } from './evidence.ts'
import {
  judgeCost,
  judgeKey,
  judgeLeast,
  judgeReachable,
  judgeRights,
  judgeSight,
  judgeUpstream,
  judgeVersion,
  judgeWebhook,
  persistentWithUri,
} from './judge.ts'
import { judgeClock, judgeTls, type WireSeen } from './judgeWire.ts'

/** @param wire asked once, when its check is run */
export function cloudstackChecks(
  evidence: Evidence,
  wire: () => Promise<WireSeen>,
  settings: Settings,
): readonly Check[] {
  const drivers = Object.values(settings.BRIDGEKEEPER_DRIVERS).flat()
  const reconnects = settings.BRIDGEKEEPER_CLOUDSTACK_RECONNECT === 'allowed'
  const check = (name: string, run: () => Promise<readonly Finding[]>, atMost = 60): Check => ({ name, atMost, run })
  const { allowed, about, facts } = evidence
  return [
    check('reachable', async () => [judgeReachable(await allowed())]),
    check('TLS', async () => [judgeTls((await wire()).tls)]),
    check('clock', async () => [judgeClock((await wire()).skew)]),
    check('key', async () => [judgeKey(await allowed())]),
    check('version', async () => [judgeVersion(await about())]),
    check('upstream', async () => [judgeUpstream(await about(), drivers)]),
    check('rights', async () => judgeRights(await allowed(), drivers, reconnects)),
    check('least rights', async () => [judgeLeast(await allowed(), drivers, reconnects)]),
    check(
      'sight',
      async () => {
        const known = await facts()
        return [judgeSight(known, persistentWithUri(known) ?? (await evidence.anyWithUri()))]
      },
      300,
    ),
    check(
      'cost',
      async () => [judgeCost(countOf(await evidence.hosts()), await evidence.events(), await facts())],
      300,
    ),
    check('webhook', async () => [judgeWebhook(await about(), await allowed(), await evidence.webhook())]),
  ]
}

const countOf = (hosts: Awaited<ReturnType<Evidence['hosts']>>): Answer<number> =>
  'value' in hosts ? { ...hosts, value: hosts.value.length } : hosts
