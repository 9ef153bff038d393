/**
 * Addresses as people write them in a configuration. The mesh speaks TCP and nothing else, so of
 * all multiaddrs only `/ip4|ip6|dns…/HOST/tcp/PORT[/p2p/PEER]` is taken: one that could never be
 * dialled is better refused at the start than met in a log.
 */
import * as z from 'zod'
import { parsePeerId } from '../../protocol/identity/peer-id.ts'
import type { Read } from './kind.ts'

export interface HostPort {
  host: string
  port: number
}

const hostKinds = ['ip4', 'ip6', 'dns', 'dns4', 'dns6'] as const
const hostLengthMax = 253
const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$/

/** `listen` is an address of this host: numbers only, no peer, and port 0 lets the system choose. */
export function readMultiaddr(text: string, use: 'listen' | 'dial'): Read<string> {
  const fix = suggestMultiaddr(text)
  const refuse = (why: string): Read<string> => ({ ok: false, why, fix })
  const [before, hostKind, host, transport, port, p2p, peer, ...rest] = text.split('/')
  if (before !== '' || hostKind === undefined || host === undefined || rest.length > 0) {
    return refuse('is no multiaddr')
  }
  if (!(hostKinds as readonly string[]).includes(hostKind)) {
    return refuse(`begins with /${hostKind}, which is none of /${hostKinds.join(', /')}`)
  }
  if (hostKind === 'ip4' && !isIp4(host))
    return refuse(`has ${host} where it needs an IPv4 address`)
  if (hostKind === 'ip6' && !isIp6(host))
    return refuse(`has ${host} where it needs an IPv6 address`)
  if (hostKind.startsWith('dns') && !hostName.test(host))
    return refuse(`has ${host} where it needs a host name`)
  if (transport !== 'tcp') return refuse('does not go on with /tcp/PORT; the mesh speaks TCP only')
  if (readPort(port ?? '', use === 'listen') === undefined)
    return refuse(`has ${port ?? 'nothing'} where it needs a port`)
  if (use === 'listen') {
    if (hostKind.startsWith('dns')) return refuse('names a host; listening needs an address')
    if (p2p !== undefined) return refuse('names a peer; listening is for this one')
  }
  if (
    p2p !== undefined &&
    (p2p !== 'p2p' || peer === undefined || parsePeerId(peer) === undefined)
  ) {
    return refuse('does not end in /p2p/ and a peer id (12D3KooW…)')
  }
  return { ok: true, value: text }
}

/** `127.0.0.1:4131`, `[::1]:4131` or `localhost:4131`. Port 0 lets the system choose. */
export function readHostPort(text: string): Read<HostPort> {
  const fix = 'write HOST:PORT, e.g. 127.0.0.1:4131 or [::1]:4131'
  const parts = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(text)
  if (parts === null) return { ok: false, why: 'is no host and port', fix }
  const port = readPort(parts[3] ?? '', true)
  if (port === undefined) return { ok: false, why: `has ${parts[3]} where it needs a port`, fix }
  const [host, fits] =
    parts[1] === undefined ? [parts[2]!, isHost(parts[2]!)] : [parts[1], isIp6(parts[1])]
  return fits
    ? { ok: true, value: { host, port } }
    : { ok: false, why: `has ${host} where it needs a host`, fix }
}

/** A name or an address of a host, without a port. */
export function readHost(text: string): Read<string> {
  if (isHost(text) || isIp6(text)) return { ok: true, value: text.toLowerCase() }
  const fix = 'write a name or an address without port, e.g. node1.example'
  return { ok: false, why: 'is no name of a host', fix }
}

function readPort(text: string, zeroAllowed: boolean): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 && (port > 0 || zeroAllowed) ? port : undefined
}

/** People write what they are used to; what they meant can often be told. */
function suggestMultiaddr(text: string): string {
  const plain = readHostPort(text.replace(/^[a-z]+:\/\//, ''))
  if (!plain.ok) return 'write it as /ip4/10.0.0.5/tcp/4130 or /dns/host.example/tcp/4130'
  const { host, port } = plain.value
  const kind = isIp4(host) ? 'ip4' : isIp6(host) ? 'ip6' : 'dns'
  return `write it as /${kind}/${host}/tcp/${port}`
}

/** All figures and dots is a mistyped address, never a name. */
function isHost(text: string): boolean {
  return isIp4(text) || (hostName.test(text) && !/^[\d.]+$/.test(text))
}

function isIp4(text: string): boolean {
  return z.ipv4().safeParse(text).success
}

function isIp6(text: string): boolean {
  return text.length <= hostLengthMax && z.ipv6().safeParse(text).success
}
