/**
 * The network between the hosts of a bed: a management bridge with the bed's own address, and a trunk bridge that
 * carries every VLAN. In: nothing but the namespace this process runs in. Out: the bed's number, which names everything.
 */
import { runCommand } from './command.ts'
import { bedAddress } from './links.ts'

export interface Wires {
  /** Free at the time it was taken: beds in one namespace never share a bridge or an address. */
  readonly bed: number
  readonly management: string
  readonly trunk: string
}

const mostBeds = 200

/**
 * Takes the first free number: the kernel refuses a name that is taken, so two processes cannot take the same.
 *
 * The bed sends a guest no frame of several segments: its network card says that it takes them and loses them, so that each
 * segment but the first would come after a wait of 0.2 s or more.
 */
export async function layWires(): Promise<Wires> {
  for (let bed = 0; bed < mostBeds; bed += 1) {
    const management = `bed${bed}m`
    const trunk = `bed${bed}t`
    try {
      await runCommand('ip', ['link', 'add', management, 'type', 'bridge'])
    } catch (error) {
      if (error instanceof Error && error.message.includes('File exists')) continue
      throw error
    }
    await runCommand(
      'ip',
      ['-batch', '-'],
      `link add name ${trunk} type bridge\naddr add ${bedAddress(bed)}/24 dev ${management}\n` +
        `link set dev ${management} up gso_max_segs 1\nlink set dev ${trunk} up\n`,
    )
    return { bed, management, trunk }
  }
  throw new Error(`${mostBeds} beds stand in this namespace already: stop one`)
}

/** Removes the bridges, and the named devices where they still are. */
export async function removeWires(wires: Wires, devices: readonly string[]): Promise<void> {
  const lines = [...devices, wires.management, wires.trunk].map((device) => `link del dev ${device}\n`).join('')
  await runCommand('ip', ['-force', '-batch', '-'], lines).catch(() => {
    // -force went on after a device that was gone already, and tells so by its exit code.
  })
}
