/**
 * The vmware driver over whole clusters, every host at the same moment, with its calls counted and govc's word on what is there. In:
 * the numbers, the switch. Out: what each host was told, how many calls it took, which groups there are.
 */
import type { Run } from '../../shared/hypervisors/run.ts'
import { run } from '../../shared/hypervisors/run.ts'
import { distributed, hostName, type Inventory, standard, startVcenter, target, vlans } from './vcenter.ts'

export interface Scale extends Inventory {
  readonly clusters: number
  readonly hosts: number
  readonly networks: number
  readonly on: 'standard' | 'distributed'
}

export interface ScaleResult {
  readonly inSync: number
  /** Reads and logins. */
  readonly reads: number
  readonly adds: number
  /** Of marks: custom fields set and defined. */
  readonly marks: number
  readonly others: Readonly<Record<string, number>>
  readonly seconds: number
  /** Calls of a second pass over all hosts, one after the other. */
  readonly again: number
  readonly groups: readonly string[]
  /** By host, the number of CloudStack's groups on its own switches. */
  readonly onHosts: readonly number[]
}

export async function scaleRun({ on, networks, ...inventory }: Scale): Promise<ScaleResult> {
  const vcenter = await startVcenter('amendedVcsim', inventory)
  try {
    const driver = vcenter.driver()
    const desired = { networks: vlans(networks, on === 'standard' ? standard : distributed), labels: [] }
    const names = Array.from({ length: inventory.clusters * inventory.hosts }, (_, at) =>
      hostName(Math.floor(at / inventory.hosts), at % inventory.hosts),
    )
    const one = (name: string): Promise<Run> =>
      run(driver, target(name), desired, 'apply', AbortSignal.timeout(600_000))
    const begun = performance.now()
    const runs = await Promise.all(names.map(one))
    const seconds = (performance.now() - begun) / 1000
    const calls = new Map(vcenter.calls)
    vcenter.calls.clear()
    for (const name of names) await one(name)
    const again = sum(vcenter.calls.values())
    const adds = take(calls, 'AddPortGroup', 'AddDVPortgroup_Task')
    const marks = take(calls, 'SetField', 'AddCustomFieldDef')
    const reads = take(calls, 'RetrievePropertiesEx', 'RetrieveServiceContent', 'Login', 'FindByInventoryPath')
    const groups = (await vcenter.networks()).filter((name) => name.startsWith('cloud.guest.'))
    const onHosts: number[] = []
    for (const name of names) {
      const shown = await vcenter.govc('host.portgroup.info', '-host', name)
      onHosts.push(shown.split('\n').filter((line) => /^Name:\s+cloud\.guest\./.test(line)).length)
    }
    const inSync = runs.filter(({ verdict }) => verdict === 'InSync').length
    return { inSync, reads, adds, marks, others: Object.fromEntries(calls), seconds, again, groups, onHosts }
  } finally {
    await vcenter.stop()
  }
}

function take(calls: Map<string, number>, ...methods: readonly string[]): number {
  const count = sum(methods.map((method) => calls.get(method) ?? 0))
  for (const method of methods) calls.delete(method)
  return count
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, one) => total + one, 0)
