/**
 * What stands in the way, for people: one line a pause, a hold, a refusal, a certificate that ends, each with who or what, since
 * when, and how to end it. Pure. In: what stands. Out: lines, or nothing.
 */
import type { Problem } from '../../shared/certificate/renewal.ts'
import type { Paused } from '../../shared/flow/pause.ts'
import type { Standing } from '../../shared/flow/standing.ts'
import { ago, isoTime } from './duration.ts'
import { oneLine } from './printable.ts'
import type { Look } from './statusText.ts'

export const standingText = ({ pauses, holds, refusals, certificate }: Standing, look: Look): string =>
  [
    ...pauses.map((pause) => `${look.paint('bad', 'PAUSED')} ${pausedInWords(pause, look.now)}. ${resumeWith(pause)}`),
    ...holds.map(({ cause, zone, failing, tried, since, probedAt }) => {
      const probe = probedAt === undefined ? '' : `, last probe ${ago(probedAt, look.now)}`
      const what = `zone ${oneLine(zone.name)} ${ago(since, look.now)}: ${failing} of ${tried} hosts failed from ${oneLine(cause)}`
      return `${look.paint('bad', 'HELD')} ${what}${probe}; changes wait there, edges and verifications go on. It ends by itself once a probe is well, or: bridgekeeper release --zone ${quoted(zone.name)} ${quoted(cause)}`
    }),
    ...refusals.map(({ what, absentees, known, since, times, released }) => {
      const seen = `${absentees} of ${known} ${what} are gone from CloudStack's listings ${ago(since, look.now)}, seen ${times} times`
      const way = released
        ? 'released: the next snapshot believes it'
        : `if they are really gone: bridgekeeper release ${what}`
      return `${look.paint('bad', 'REFUSED')} ${seen}; the last good set stays in force; ${way}`
    }),
    ...(certificate === undefined ? [] : [`${look.paint('bad', 'CERTIFICATE')} ${inWords(certificate, look.now)}`]),
  ].join('\n')

/** Of the certificate by which agents know Bridgekeeper. */
function inWords({ is, to, lookedAt, failure }: Problem, now: number): string {
  const end =
    to === undefined ? '' : now >= to ? `, which ended ${ago(to, now)}` : `, which ends on ${isoTime(to)?.slice(0, 10)}`
  const why = failure === undefined ? '' : `: ${oneLine(failure)}`
  const looked = `housekeeping last looked at it ${ago(lookedAt, now)}`
  const said =
    is === 'ended'
      ? `agents refuse the one that is kept${end}${why}`
      : `the one that agents know us by${end} is ${is}${why}`
  return `${said}; ${looked}. Next: bridgekeeper certificate ${to === undefined ? 'issue' : 'renew'}`
}

/** `the whole cloud by ann@desk 5m ago (switch work): nothing is done on its hosts` */
export function pausedInWords({ zone, by, at, why }: Paused, now: number): string {
  const reason = why === undefined ? '' : ` (${oneLine(why)})`
  const place = zone === undefined ? 'the whole cloud' : `zone ${oneLine(zone.name)}`
  return `${place} by ${oneLine(by)} ${ago(at, now)}${reason}: nothing is done on its hosts`
}

const resumeWith = ({ zone }: Paused): string =>
  `End it with: bridgekeeper resume${zone === undefined ? '' : ` --zone ${quoted(zone.name)}`}`

/** As a shell takes it. */
const quoted = (text: string): string =>
  /^[\w./:@-]+$/.test(text) ? text : `'${oneLine(text).replaceAll("'", "'\\''")}'`
