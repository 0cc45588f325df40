/**
 * Which proxy stands between us and CloudStack, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say it. Pure. In: the API's address and
 * the environment. Out: the proxy's address, or nothing: then the request goes straight to the server.
 *
 * | the environment                                         | the request                                             |
 * |---------------------------------------------------------|---------------------------------------------------------|
 * | https address, HTTPS_PROXY                              | tunnelled (CONNECT): the proxy sees the server's name only |
 * | http address, HTTP_PROXY                                | sent through the proxy, which sees all of it            |
 * | both spellings of a name                                | the one in small letters wins, as curl has it           |
 * | `proxy.example.org:3128`, without a scheme              | is an http proxy                                        |
 * | NO_PROXY `*`; the host; `.example.org`, `example.org`   | straight: any host; that one; it and what is below it   |
 * |   `host:port`, `192.0.2.0/24`, `2001:db8::/32`          | straight: that port only; addresses of that network     |
 * | this machine itself (localhost, 127.0.0.0/8, ::1)       | straight                                                |
 */
import { BlockList, isIP } from 'node:net'

const ways = { 'https:': ['https_proxy', 'HTTPS_PROXY'], 'http:': ['http_proxy', 'HTTP_PROXY'] } as const
type Name = (typeof ways)[keyof typeof ways][number] | 'no_proxy' | 'NO_PROXY'

export type ProxyVariables = Readonly<Partial<Record<Name, string | undefined>>>

/** Thrown for a proxy that cannot be used; names the variable, never its value, which may hold a password. */
export class ProxyUnusable extends Error {
  override readonly name = 'ProxyUnusable'
}

/** @throws ProxyUnusable */
export function proxyFor(target: URL, environment: ProxyVariables): URL | undefined {
  const name = ways[target.protocol === 'https:' ? 'https:' : 'http:'].find((candidate) => environment[candidate])
  if (name === undefined || isThisMachine(target)) return undefined
  const exempt = (environment.no_proxy || environment.NO_PROXY || '').split(',').map((entry) => entry.trim())
  if (exempt.some((entry) => entry !== '' && covers(entry, target))) return undefined
  return parseProxy(name, environment[name] ?? '')
}

function parseProxy(name: string, value: string): URL {
  const parsed = URL.parse(value.includes('://') ? value : `http://${value}`)
  if (parsed?.protocol === 'http:' && parsed.hostname !== '') return parsed
  const scheme = parsed?.protocol.replace(/:$/, '')
  const what = parsed === null ? 'is no address' : `is of the kind ${scheme}, which is not known here`
  throw new ProxyUnusable(`${name}=(hidden) ${what}: write it like http://proxy.example.org:3128, or leave it out.`)
}

const bare = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').toLowerCase()

const thisMachine = new BlockList()
thisMachine.addSubnet('127.0.0.0', 8, 'ipv4')
thisMachine.addAddress('::1', 'ipv6')

function isThisMachine(target: URL): boolean {
  const host = bare(target)
  return host === 'localhost' || host.endsWith('.localhost') || isWithin(thisMachine, host)
}

function isWithin(list: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

function covers(entry: string, target: URL): boolean {
  if (entry === '*') return true
  const network = networkOf(entry)
  if (network !== undefined) return isWithin(network, bare(target))
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [entry, entry]
  if (port !== undefined && port !== portOf(target)) return false
  const name = (bracketed ?? plain).toLowerCase().replace(/^\*?\./, '')
  return bare(target) === name || (isIP(name) === 0 && bare(target).endsWith(`.${name}`))
}

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80')

/** `192.0.2.0/24` */
function networkOf(entry: string): BlockList | undefined {
  const [address = '', prefix, ...rest] = entry.split('/')
  const family = isIP(address)
  if (prefix === undefined || rest.length > 0 || family === 0 || !/^\d{1,3}$/.test(prefix)) return undefined
  if (Number(prefix) > (family === 6 ? 128 : 32)) return undefined
  const list = new BlockList()
  list.addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4')
  return list
}
