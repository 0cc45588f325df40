/**
 * A simulated Linux kernel: links in memory, with the behaviour that the KVM driver relies on or must survive (File
 * exists, name limits, one tag once on a parent, one VNI once, no more multicast groups than allowed, IPv6 on by default, `master` that moves a port silently, a new name only
 * while down). In: changes. Out: the links, or the kernel's own words for what it refuses. It forwards no frame.
 */

export interface SimulatedLink {
  readonly index: number
  readonly name: string
  /** As `ip -d link` calls it; null for a physical device. */
  readonly kind: string | null
  readonly parent: string | null
  readonly master: string | null
  readonly vlanId: number | null
  readonly up: boolean
  /** 0 is the group of every device that nobody marked. */
  readonly group: number
  readonly disableIpv6: boolean
  /** Null unless `kind` is `vxlan`. */
  readonly vni?: number | null
  /** The multicast group of IPv4 that a VXLAN device joins when it comes up. */
  readonly multicast?: string | null
  /** Bytes. */
  readonly mtu: number
}

export interface SimulatedRoute {
  readonly destination: string
  readonly device: string
  /** 3, `boot`, for whoever gives none. */
  readonly protocol: number
}

/** Linux 6.1's defaults unless given. */
export interface KernelLimits {
  readonly igmpMaxMemberships: number
  readonly optmemMax: number
}

/** What a new link may be born with; the rest is as the kernel has it: down, group 0, IPv6 on. */
export type NewLink = Pick<SimulatedLink, 'name'> & Partial<Omit<SimulatedLink, 'index'>>

/** The kernel's words for a refusal, as `ip` prints them; null is success. */
export type Refusal = string | null

export interface SimulatedKernel {
  readonly limits: KernelLimits
  links(): readonly SimulatedLink[]
  routes(): readonly SimulatedRoute[]
  addRoute(route: SimulatedRoute): Refusal
  deleteRoute(destination: string, protocol: number): Refusal
  find(name: string): SimulatedLink | undefined
  add(link: NewLink): Refusal
  enslave(name: string, master: string): Refusal
  setUp(name: string): Refusal
  setDown(name: string): Refusal
  /** Only while it is down. */
  rename(name: string, to: string): Refusal
  disableIpv6(name: string): Refusal
  enableIpv6(name: string): Refusal
  /** Sets the link group. */
  mark(name: string, group: number): Refusal
  /** Of this device only: VLAN devices above it, and bridges, keep theirs, which the real kernel would lower. */
  setMtu(name: string, mtu: number): Refusal
  /** Takes what stands on the link away too; the ports of a bridge are left without a master. */
  delete(name: string): Refusal
}

const fileExists = 'RTNETLINK answers: File exists'

const kernelDefaults: KernelLimits = { igmpMaxMemberships: 20, optmemMax: 20_480 }

export function createSimulatedKernel(
  links: readonly NewLink[],
  limits: KernelLimits = kernelDefaults,
): SimulatedKernel {
  let routes: readonly SimulatedRoute[] = []
  const byName = new Map<string, SimulatedLink>()
  let lastIndex = 0

  const change = (name: string, changed: Partial<SimulatedLink>): Refusal => {
    const link = byName.get(name)
    if (link === undefined) return `Cannot find device "${name}"`
    byName.set(name, { ...link, ...changed })
    return null
  }
  const all = (): readonly SimulatedLink[] => [...byName.values()]

  const add = (link: NewLink): Refusal => {
    const { kind = null, parent = null, master = null, vlanId = null } = link
    if (parent !== null && !byName.has(parent)) return `Cannot find device "${parent}"`
    if (byName.has(link.name)) return fileExists
    if (kind === 'vlan') {
      if (vlanId === null || vlanId < 0 || vlanId > 4094) return 'RTNETLINK answers: Numerical result out of range'
      if (all().some((other) => other.parent === parent && other.vlanId === vlanId)) return fileExists
    }
    if (kind === 'vxlan' && all().some((other) => other.kind === 'vxlan' && other.vni === link.vni))
      return 'Error: A VXLAN device with the specified VNI already exists.'
    if (master !== null && byName.get(master)?.kind !== 'bridge') return 'RTNETLINK answers: Operation not supported'
    const below = byName.get(parent ?? '')?.mtu ?? 1500
    const mtu = kind === 'vxlan' && parent !== null ? below - 50 : below
    const born = { up: false, group: 0, disableIpv6: false, mtu, ...link, kind, parent, master, vlanId }
    byName.set(link.name, { ...born, index: ++lastIndex })
    return null
  }

  const dropRoutes = (device: string): void => {
    routes = routes.filter((route) => route.device !== device)
  }

  const addRoute = (route: SimulatedRoute): Refusal => {
    const device = byName.get(route.device)
    if (device === undefined) return `Cannot find device "${route.device}"`
    if (!device.up) return 'Error: Device for nexthop is not up.'
    if (routes.some(({ destination }) => destination === route.destination)) return fileExists
    routes = [...routes, route]
    return null
  }

  const deleteRoute = (destination: string, protocol: number): Refusal => {
    const kept = routes.filter((route) => route.destination !== destination || route.protocol !== protocol)
    if (kept.length === routes.length) return 'RTNETLINK answers: No such process'
    routes = kept
    return null
  }

  const memberships = (): number => all().filter(({ up, multicast }) => up && multicast != null).length

  const remove = (name: string): Refusal => {
    if (!byName.delete(name)) return `Cannot find device "${name}"`
    dropRoutes(name)
    for (const link of all()) {
      if (link.master === name) change(link.name, { master: null })
      if (link.parent === name) remove(link.name)
    }
    return null
  }

  const rename = (name: string, to: string): Refusal => {
    const link = byName.get(name)
    if (link === undefined) return `Cannot find device "${name}"`
    if (link.up) return 'RTNETLINK answers: Device or resource busy'
    if (byName.has(to)) return fileExists
    const named = (one: string | null): string | null => (one === name ? to : one)
    const before = all()
    byName.clear()
    for (const one of before) {
      const own = one.name === name ? to : one.name
      byName.set(own, { ...one, name: own, master: named(one.master), parent: named(one.parent) })
    }
    return null
  }

  for (const link of links) {
    const refusal = add(link)
    if (refusal !== null) throw new Error(`the simulated link ${link.name}: ${refusal}`)
  }
  return {
    limits,
    links: all,
    routes: () => routes,
    addRoute,
    deleteRoute,
    find: (name) => byName.get(name),
    add,
    enslave: (name, master) =>
      byName.get(master)?.kind === 'bridge' ? change(name, { master }) : 'RTNETLINK answers: Operation not supported',
    setUp: (name) => {
      const { kind, parent, up, multicast } = byName.get(name) ?? {}
      if (kind !== 'vxlan' && parent != null && !byName.get(parent)?.up) return 'RTNETLINK answers: Network is down'
      if (!up && multicast != null && memberships() >= limits.igmpMaxMemberships)
        return 'RTNETLINK answers: No buffer space available'
      return change(name, { up: true })
    },
    setDown: (name) => {
      dropRoutes(name)
      return change(name, { up: false })
    },
    rename,
    disableIpv6: (name) => change(name, { disableIpv6: true }),
    enableIpv6: (name) => change(name, { disableIpv6: false }),
    mark: (name, group) => change(name, { group }),
    setMtu: (name, mtu) => change(name, { mtu }),
    delete: remove,
  }
}
