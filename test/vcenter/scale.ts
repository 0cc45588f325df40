/**
 * `npm run scale:vmware`: 4 clusters × 8 hosts × 100 networks on the amended vcsim, each call 200 ms, standard and distributed. In:
 * nothing. Out: a JSON line for each switch; exit 1 where a host is not in sync, or a call too many was made.
 */
import { scaleRun } from './scaleRun.ts'

const [clusters, hosts, networks] = [4, 8, 100]

for (const on of ['standard', 'distributed'] as const) {
  const { groups, onHosts, ...rest } = await scaleRun({ clusters, hosts, networks, delay: 200, on })
  const all = clusters * hosts
  const bound = on === 'standard' ? all * (4 + networks) : 40 + Math.ceil(networks / 50)
  const isRight =
    rest.inSync === all &&
    rest.reads + rest.adds <= bound &&
    groups.length === networks &&
    onHosts.every((count) => count === (on === 'standard' ? networks : 0))
  console.log(JSON.stringify({ on, hosts: all, networks, groups: groups.length, bound, ...rest, isRight }))
  if (!isRight) process.exitCode = 1
}
