/**
 * Whose requests are heard. A browser that reaches the socket, on the same host most of all, is not to be
 * trusted with it: any web page can make it send requests here. Pages of other sites are told by
 * their `Origin` and `Sec-Fetch-Site`; pages whose name was pointed at loopback (DNS rebinding) by
 * their `Host`. There are no CORS headers, so what a foreign page may still send, it cannot read.
 */
import { BlockList, isIP } from 'node:net'
import { type HttpRefusal, refusals } from './refusals.ts'

type Headers = Readonly<Record<string, string | undefined>>

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** True for addresses that only this host reaches. Names are no addresses, `localhost` included. */
export function isLoopback(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** How a request has come in. */
export interface Entrance {
  secure: boolean
  /** The address of ours that it came to. */
  at: string
  /** Whether this agent is known by that name or address, in lower case, besides loopback's own. */
  isOurs(name: string): boolean
}

export function refuseStranger(
  method: string,
  headers: Headers,
  entrance: Entrance,
): HttpRefusal | undefined {
  const { host, origin } = headers
  if (!isOurName(host, entrance)) return refusals.wrongHost(host)
  if (origin !== undefined && origin !== `http${entrance.secure ? 's' : ''}://${host}`)
    return refusals.foreignOrigin()
  const site = headers['sec-fetch-site']
  const foreign = site === 'cross-site' || site === 'same-site'
  // Following a link from elsewhere to a page of ours is no harm.
  const followsLink = method === 'GET' && headers['sec-fetch-mode'] === 'navigate'
  return foreign && !followsLink ? refusals.foreignOrigin() : undefined
}

/** The port is not looked at: behind a forwarded port (ssh -L) it is another one. */
function isOurName(host: string | undefined, { at, isOurs }: Entrance): boolean {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host ?? '')
  const name = (parts?.[1] ?? parts?.[2] ?? '').toLowerCase()
  // A token is for the name that it was asked by. From afar, every agent could be `localhost`.
  if (name === 'localhost' || isLoopback(name)) return isLoopback(at)
  return name === at || isOurs(name)
}

/** As IPv4, where a socket for both kinds shows it as IPv6. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
}

/** A body must be JSON and say so: a form of a foreign page cannot. */
export function refuseBody(headers: Headers): HttpRefusal | undefined {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers
  if ((length === undefined || length === '0') && encoding === undefined) return undefined
  const type = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i
  if (!type.test(headers['content-type'] ?? '')) return refusals.notJson()
  return headers['content-encoding'] === undefined ? undefined : refusals.notJson()
}
