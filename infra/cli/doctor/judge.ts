/**
 * What the answers of CloudStack mean for an operator. Pure. In: answers, with the time they took. Out: a finding for each
 * thing that was to be found out.
 */
import type { About } from '../../../shared/cloudstack/about.ts'
import { calls, neededBy } from '../../../shared/cloudstack/calls.ts'
import {
  type Capabilities,
  capabilitiesOf,
  features,
  lacking,
  newest,
  oldest,
} from '../../../shared/cloudstack/capabilities.ts'
import { RightLost } from '../../../shared/cloudstack/errors.ts'
import type { FoundWebhooks } from '../../../shared/cloudstack/webhooks.ts'
import { tooOld } from '../../../shared/hypervisors/cloudstack/tooOld.ts'
import type { CloudFacts, NetworkFact } from '../../../shared/reconcile/model.ts'
import type { Finding } from './check.ts'
import { type Answer, isKeyRefused, isReached, isRefused, isUseless } from './evidence.ts'

const ok = (check: string, found: string, wanted: string): Finding => ({ check, level: 'ok', found, wanted, fix: '' })
const warning = (check: string, found: string, wanted: string, fix: string): Finding => ({
  check,
  level: 'warning',
  found,
  wanted,
  fix,
})
const error = (check: string, found: string, wanted: string, fix: string): Finding => ({
  check,
  level: 'error',
  found,
  wanted,
  fix,
})

const notAsked = (check: string, wanted: string): Finding =>
  warning(check, 'not looked at', wanted, 'Put right first what is an error above.')

const notAnswered = (check: string, answer: Answer<unknown>, wanted: string): Finding =>
  'failed' in answer
    ? error(check, answer.failed.message, wanted, 'Put right what it says, then run this again.')
    : notAsked(check, wanted)

export function judgeReachable(answer: Answer<unknown>): Finding {
  const wanted = 'an answer of CloudStack’s API'
  if (isReached(answer) && 'milliseconds' in answer) {
    return ok('reachable', `it answered in ${answer.milliseconds} ms`, wanted)
  }
  const why = 'failed' in answer ? answer.failed.message : 'not asked'
  return error('reachable', why, wanted, 'Put right what it says; CLOUDSTACK_API_URL names the server.')
}

export function judgeKey(answer: Answer<unknown>): Finding {
  const wanted = 'a key pair that CloudStack knows'
  if (!isReached(answer)) return notAsked('key', wanted)
  if (isKeyRefused(answer) && 'failed' in answer) {
    const fix = 'Set CLOUDSTACK_API_KEY and CLOUDSTACK_SECRET_KEY to the keys of one user that is enabled.'
    return error('key', answer.failed.message, wanted, fix)
  }
  return ok('key', 'its signature is accepted', wanted)
}

export function judgeVersion(about: Answer<About>): Finding {
  const wanted = `${oldest} to ${newest}`
  if (!('value' in about)) {
    return isRefused(about, 432)
      ? warning('version', 'this key may not ask for it', wanted, 'Allow listCapabilities: bridgekeeper role show.')
      : notAnswered('version', about, wanted)
  }
  const { version } = about.value
  const capabilities = capabilitiesOf(version)
  const { age } = capabilities
  const lacks = lacking(capabilities).map((name) => `${features[name].what} (${features[name].since})`)
  const without = lacks.length === 0 ? '' : `; it lacks: ${lacks.join('; ')}`
  const found = `${version}${without}`
  if (age === 'supported') return ok('version', found, wanted)
  const fixes: Readonly<Record<Exclude<Capabilities['age'], 'supported'>, string>> = {
    older: 'Such a server is not tried: upgrade it, or watch it closely.',
    newer: 'It is served like the newest that is known: see whether there is a newer release of Bridgekeeper.',
    unknown: 'Nothing is concluded from such a version: see that a CloudStack answers there.',
  }
  return warning('version', found, wanted, fixes[age])
}

export function judgeUpstream(about: Answer<About>, drivers: readonly string[]): Finding {
  const wanted = 'a server that sends a host its networks when it connects, is updated or reconnected (4.17)'
  const uses = drivers.includes('cloudstack')
  if (!('value' in about)) return notAnswered('upstream', about, wanted)
  const why = tooOld(about.value.version)
  if (why === undefined) return ok('upstream', `${about.value.version} does`, wanted)
  if (!uses) return ok('upstream', `${why}; the drivers that are set reach the hosts themselves`, wanted)
  const fix = 'Name drivers that reach the hosts in BRIDGEKEEPER_DRIVERS, or upgrade CloudStack.'
  return error('upstream', why, wanted, fix)
}

/** @param reconnects as BRIDGEKEEPER_CLOUDSTACK_RECONNECT allows it */
export function judgeRights(
  allowed: Answer<ReadonlySet<string>>,
  drivers: readonly string[],
  reconnects = false,
): readonly Finding[] {
  return neededBy(drivers, reconnects).map((command) => {
    const check = `right to ${command}`
    const { why } = calls[command]
    if ('value' in allowed && allowed.value.has(command)) return ok(check, 'allowed', why)
    const fix = 'Allow it in the role of the account: bridgekeeper role show, with an administrator’s key.'
    if ('value' in allowed || (command === 'listApis' && isRefused(allowed, 432))) {
      return error(check, 'not allowed', why, fix)
    }
    if (isRefused(allowed, 432)) return warning(check, 'not known, since listApis is not allowed', why, fix)
    return command === 'listApis' && !isUseless(allowed) ? notAnswered(check, allowed, why) : notAsked(check, why)
  })
}

export function judgeLeast(
  allowed: Answer<ReadonlySet<string>>,
  drivers: readonly string[],
  reconnects = false,
): Finding {
  const wanted = 'a key that may call what is called, and nothing more'
  if (!('value' in allowed)) return notAsked('least rights', wanted)
  const needed = new Set<string>(neededBy(drivers, reconnects))
  const more = [...allowed.value].filter((command) => !needed.has(command)).sort()
  if (more.length === 0) return ok('least rights', `it may make ${allowed.value.size} calls`, wanted)
  const telling = more.filter((command) => !command.startsWith('list'))
  const found = `it may make ${more.length} calls that are never made, for example ${(telling[0] ?? more[0] ?? '').slice(0, 60)}`
  const fix = 'Give it the role of docs/rights.md: bridgekeeper role create, with an administrator’s key.'
  return warning('least rights', found, wanted, fix)
}

const withUri = (network: NetworkFact): boolean => network.broadcastUri !== undefined

/** What proves the sight of a root admin; undefined where it has to be looked for among other networks. */
export function persistentWithUri(facts: Answer<CloudFacts>): Answer<NetworkFact | undefined> | undefined {
  if (!('value' in facts)) return facts
  const found = facts.value.networks.find(withUri)
  return found === undefined ? undefined : { value: found, milliseconds: facts.milliseconds }
}

export function judgeSight(facts: Answer<CloudFacts>, seen: Answer<NetworkFact | undefined>): Finding {
  const wanted = 'broadcast URIs, which CloudStack shows to accounts of type Admin alone'
  const type = 'Use the key of an account in the domain ROOT whose role is of type Admin: docs/rights.md.'
  const unseen = 'failed' in facts ? facts.failed : undefined
  if (unseen instanceof RightLost) return error('sight', unseen.message, wanted, type)
  if (!('value' in facts)) return notAnswered('sight', facts, wanted)
  if ('failed' in seen) return notAnswered('sight', seen, wanted)
  if ('value' in seen && seen.value !== undefined) {
    return ok('sight', `proven: the network ${seen.value.name} shows ${seen.value.broadcastUri}`, wanted)
  }
  const fix = 'Create a network with a VLAN, persistent or not, and run this again.'
  return warning('sight', 'it cannot be proven yet: no network has a broadcast URI', wanted, fix)
}

/** By a schedule of one minute, as serverless.yml has it unless told. */
const scheduleSeconds = 60
/** DESIGN 7: a schedule interval is at least three times a measured tick. */
const share = 3

export function judgeCost(hosts: Answer<number>, events: Answer<unknown>, facts: Answer<CloudFacts>): Finding {
  const wanted = `a tick that takes at most a third of the schedule’s interval, which is ${scheduleSeconds} s unless told`
  const parts = [hosts, events, facts]
  if (!('value' in hosts) || !('value' in events) || !('value' in facts)) {
    const lacking = parts.find((part) => 'failed' in part) ?? parts.find((part) => 'blocked' in part)
    return lacking === undefined ? notAsked('cost', wanted) : notAnswered('cost', lacking, wanted)
  }
  const tick = hosts.milliseconds + events.milliseconds + facts.milliseconds
  const least = Math.ceil((share * tick) / 1000)
  const found = `${hosts.value} hosts in ${inSeconds(hosts.milliseconds)}, ${facts.value.networks.length} persistent networks in ${inSeconds(facts.milliseconds)}: a tick that lists all takes ${inSeconds(tick)}, which allows an interval of ${least} s or more`
  if (least <= scheduleSeconds) return ok('cost', found, wanted)
  const minutes = Math.ceil(least / 60)
  return warning('cost', found, wanted, `Deploy with --param rate="rate(${minutes} minutes)" or longer.`)
}

const inSeconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(milliseconds < 100 ? 3 : 1)} s`

const toldBy = 'whether ours is installed, "bridgekeeper webhook status" tells with an administrator’s key'

export function judgeWebhook(
  about: Answer<About>,
  allowed: Answer<ReadonlySet<string>>,
  listed: Answer<FoundWebhooks | undefined>,
): Finding {
  const wanted = 'nothing: a webhook makes changes known sooner, and is not needed'
  const { since, without, command } = features.webhooks
  const version = 'value' in about ? about.value.version : undefined
  const commands = 'value' in allowed ? allowed.value : undefined
  if (version === undefined && commands === undefined) return notAsked('webhook', wanted)
  const has = capabilitiesOf(version, commands).has('webhooks')
  if (has === 'yes') return judgeInstalled(listed, wanted)
  if (has === 'no') return ok('webhook', `not before ${since}, and this is ${version}: ${without}`, wanted)
  const found = `listApis names no ${command}: the server has webhooks switched off, or this key may not install one`
  return ok('webhook', `${found}; ${toldBy}`, wanted)
}

function judgeInstalled(listed: Answer<FoundWebhooks | undefined>, wanted: string): Finding {
  if ('failed' in listed) {
    return warning('webhook', listed.failed.message, wanted, 'Put right what it says, then run this again.')
  }
  if (!('value' in listed)) return notAsked('webhook', wanted)
  if (listed.value === undefined) {
    return ok('webhook', `supported; ${toldBy}`, wanted)
  }
  const { ours } = listed.value
  if (ours === undefined) return ok('webhook', 'supported, and ours is not installed', wanted)
  if (ours.state === 'Enabled') return ok('webhook', `${ours.name} is installed`, wanted)
  const fix = 'Switch it on by "bridgekeeper webhook install", or remove it by "bridgekeeper webhook remove".'
  return warning('webhook', `${ours.name} is installed and switched off`, wanted, fix)
}
