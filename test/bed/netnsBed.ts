/**
 * A program for a machine whose kernel has 8021q: starts a bed of namespaces, looks, damages, reboots. In: nothing; it
 * puts itself into a private namespace. Out: what it saw, as one JSON object on standard output, which a test judges.
 */
import { insideNamespace, runInNamespace } from '../../infra/local/bed/namespace.ts'
import { netnsAvailable, startNetnsBed } from '../../infra/local/bed/netns.ts'

process.exitCode = insideNamespace() ? await look() : await runInNamespace(process.execPath, [import.meta.filename])

async function look(): Promise<number> {
  const available = netnsAvailable()
  if (!available.available) {
    console.error(available.missing)
    return 1
  }
  const bed = await startNetnsBed({ hosts: [{ name: 'kvm-1' }, { name: 'kvm-2' }] })
  const [first, second] = [bed.host('kvm-1'), bed.host('kvm-2')]
  const identify =
    'hostname; cat /proc/sys/kernel/random/boot_id; ls -x /sys/class/net; ls /sys/class/net/cloudbr1/brif'
  const lines = (text: string): string[] => text.trim().split('\n')
  const vlan = (address: string) =>
    `ip link add link eth1 name eth1.77 type vlan id 77 && ip addr add ${address}/24 dev eth1.77 && ip link set eth1.77 up`
  await first.exec(vlan('192.0.2.1'))
  await second.exec(vlan('192.0.2.2'))
  const greeting = await first.exec(`bash -c 'exec 3<>/dev/tcp/192.0.2.2/22 && head -c 8 <&3'`)
  const before = lines(await first.exec(identify))
  const other = lines(await second.exec(identify))
  await first.reboot()
  const after = lines(await first.exec(identify))
  await bed.stop()
  console.log(JSON.stringify({ greeting, before, other, after }))
  return 0
}
