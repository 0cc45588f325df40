/** The page itself: what stands in the way, counts, hosts with what is wrong first. Pure. In: a cloud's status and what stands, a filter, the time. Out: Html. */
import type { Standing } from '../flow/standing.ts'
import type { CloudStatus, HostRow } from '../flow/status.ts'
import { verdicts } from '../reconcile/record.ts'
import { type Filter, type Sheet, sheetOf } from './filter.ts'
import { type Html, html } from './html.ts'

export interface Seen {
  readonly cloud: string
  readonly clouds: readonly string[]
  readonly status: CloudStatus
  readonly standing: Standing
}

export function pageOf(seen: Seen, filter: Filter, now: number): Html {
  const { cloud, status, standing } = seen
  const sheet = sheetOf(status.rows, filter)
  const { hosts, inSync, outOfSync, unknown, notUp } = status.counts
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="30">
<title>${outOfSync + unknown === 0 ? 'in sync' : `${outOfSync + unknown} not in sync`} – Bridgekeeper ${cloud}</title>
<link rel="stylesheet" href="page.css">
</head>
<body>
<header><h1>Bridgekeeper</h1>${clouds(seen)}</header>
<main>
<p class="counts">${hosts} hosts: <b class="InSync">${inSync} in sync</b>, <b class="OutOfSync">${outOfSync} out of sync</b>, <b class="Unknown">${unknown} unknown</b>, ${notUp} not up · snapshot ${age(status.control?.lastGoodAt, now)}</p>
${failure(status, now)}
${stands(standing, now)}
${form(seen, filter)}
${table(sheet, now)}
${sheetLinks(sheet, cloud, filter)}
</main>
</body>
</html>
`
}

function age(then: number | undefined, now: number): string {
  if (then === undefined) return 'never'
  const seconds = Math.max(0, Math.floor((now - then) / 1000))
  const [size, unit] =
    seconds < 60 ? [1, 's'] : seconds < 3600 ? [60, 'm'] : seconds < 86_400 ? [3600, 'h'] : [86_400, 'd']
  return `${Math.floor(seconds / Number(size))}${unit} ago`
}

const clouds = ({ clouds: all, cloud }: Seen): Html =>
  all.length < 2
    ? html``
    : html`<nav aria-label="Clouds">${all.map((name) =>
        name === cloud
          ? html`<a href="?cloud=${encodeURIComponent(name)}" aria-current="page">${name}</a> `
          : html`<a href="?cloud=${encodeURIComponent(name)}">${name}</a> `,
      )}</nav>`

const failure = ({ control }: CloudStatus, now: number): Html =>
  control?.failure === undefined
    ? html``
    : html`<p class="stands">The last snapshot failed ${age(control.failureAt, now)}: ${control.failure}</p>`

function stands({ pauses, holds, refusals, certificate }: Standing, now: number): Html {
  const lines = [
    ...pauses.map(
      ({ zone, by, at }) => html`<li><b>Paused</b> ${zone?.name ?? 'the cloud'}, by ${by} ${age(at, now)}</li>`,
    ),
    ...holds.map(
      ({ zone, cause, failing, tried, since }) =>
        html`<li><b>Held</b> ${zone.name} ${age(since, now)}: ${failing} of ${tried} hosts failed from ${cause}</li>`,
    ),
    ...refusals.map(
      ({ what, absentees, known }) =>
        html`<li><b>Not believed</b> ${absentees} of ${known} ${what} are gone at once</li>`,
    ),
    ...(certificate === undefined ? [] : [html`<li><b>Certificate</b> for agents: ${certificate.is}</li>`]),
  ]
  return lines.length === 0 ? html`` : html`<ul class="stands">${lines}</ul>`
}

function form({ cloud, status }: Seen, filter: Filter): Html {
  const zones = [...new Set(status.rows.map(({ zone }) => zone))].sort()
  const reasons = [...new Set(status.rows.flatMap(({ reason }) => (reason === undefined ? [] : [reason])))].sort()
  return html`<form method="get">
<input type="hidden" name="cloud" value="${cloud}">
${choice('zone', 'Zone', zones, filter.zone)}
${choice('status', 'Status', verdicts, filter.status)}
${choice('reason', 'Reason', reasons, filter.reason)}
<label>Host <input name="host" value="${filter.host}" maxlength="255"></label>
<button>Show</button> <a href="?cloud=${encodeURIComponent(cloud)}">All</a>
</form>`
}

const choice = (name: string, label: string, values: readonly string[], chosen: string): Html =>
  html`<label>${label} <select name="${name}"><option value="">any</option>${values.map((value) =>
    value === chosen ? html`<option selected>${value}</option>` : html`<option>${value}</option>`,
  )}</select></label>`

const table = ({ rows, found }: Sheet, now: number): Html =>
  rows.length === 0
    ? html`<p>No host is like that.</p>`
    : html`<table>
<caption>${found} hosts, what is wrong first</caption>
<thead><tr><th scope="col">Zone</th><th scope="col">Host</th><th scope="col">State</th><th scope="col">Status</th><th scope="col">Reason</th><th scope="col">Networks</th><th scope="col">Verified</th></tr></thead>
<tbody>
${rows.map((each) => row(each, now))}</tbody>
</table>`

function row({ zone, record, status, reason, detail, next, desired }: HostRow, now: number): Html {
  const why =
    detail === undefined && next === undefined
      ? html``
      : html`<details><summary>${reason}</summary><p>${detail}</p><p>${next}</p></details>`
  return html`<tr class="${status}"><td>${zone}</td><th scope="row">${record.name}</th><td>${record.state}</td><td>${status}</td><td>${why}</td><td>${desired.length}</td><td>${age(record.verifiedAt, now)}</td></tr>
`
}

function sheetLinks({ sheets, sheet }: Sheet, cloud: string, filter: Filter): Html {
  if (sheets === 1) return html``
  const to = (number: number): string =>
    `?${new URLSearchParams({ cloud, zone: filter.zone, status: filter.status, reason: filter.reason, host: filter.host, sheet: String(number) })}`
  return html`<nav aria-label="Sheets">${sheet > 1 ? html`<a rel="prev" href="${to(sheet - 1)}">before</a> ` : html``}${sheet} of ${sheets}${sheet < sheets ? html` <a rel="next" href="${to(sheet + 1)}">after</a>` : html``}</nav>`
}

export const style = `
:root { color-scheme: light dark; --bad: #b3261e; --unsure: #8a5a00; --good: #1b6e3c; --line: #8886 }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --unsure: #ffc966; --good: #7ddc9f } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 100rem; padding: 0 1rem 3rem }
header { display: flex; gap: 1.5rem; align-items: baseline }
h1 { font-size: 1.2rem }
form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin: 1rem 0 }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; padding: .3rem 0 }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; overflow-wrap: anywhere }
thead th { position: sticky; top: 0; background: Canvas; font-weight: 600 }
.InSync td:nth-of-type(3), b.InSync { color: var(--good) }
.OutOfSync td:nth-of-type(3), b.OutOfSync { color: var(--bad) }
.Unknown td:nth-of-type(3), b.Unknown { color: var(--unsure) }
.stands { border-left: .3rem solid var(--bad); padding-left: 1rem; list-style: none }
`
