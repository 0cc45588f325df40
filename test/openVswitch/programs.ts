/** Whether real Open vSwitch can be run in a guest here: a guest runs the machine's own programs, on its own kernel's module. */
import type { Availability } from '../../infra/local/bed/bed.ts'
import { isInstalled } from '../../infra/local/bed/command.ts'
import { umlAvailable } from '../../infra/local/bed/uml.ts'

const programs = ['ovsdb-tool', 'ovsdb-server', 'ovs-vswitchd', 'ovs-vsctl']

export function openVswitchAvailable(): Availability {
  const absent = programs.filter((program) => !isInstalled(program))
  if (absent.length > 0)
    return { available: false, missing: `${absent.join(', ')} (apt-get install openvswitch-switch)` }
  return umlAvailable()
}
