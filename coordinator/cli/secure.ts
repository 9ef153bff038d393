/**
 * A connection to the control API under TLS 1.3, on which nothing is sent before it is known who
 * is at its other end: a host of the mesh, by the credential in its certificate, or one whose
 * certificate is good for its name by the authorities that this machine trusts.
 */
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { believeHost, type HostFault } from '../../agent/http/host-certificate.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type MeshId, shortMeshId } from '../../protocol/identity/mesh-id.ts'
import { Problem } from '../../protocol/problem.ts'

const HTTPS_PORT = 443

export async function secured(url: URL, mesh: MeshId, signal: AbortSignal): Promise<Duplex> {
  // Not by `import`: most commands go to this host, in the clear.
  const { connect } = process.getBuiltinModule('node:tls')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const named = /^[\d.]+$|:/.test(host) ? {} : { servername: host }
  const socket = connect({
    host,
    port: Number(url.port || HTTPS_PORT),
    ...named,
    minVersion: 'TLSv1.3',
    // Looked at below, and not only by the rules of authorities.
    rejectUnauthorized: false,
  })
  const giveUp = () => socket.destroy()
  signal.addEventListener('abort', giveUp)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(reset()))
    })
    const doubt = doubtOf(socket, mesh)
    if (doubt === undefined) return socket
    socket.destroy()
    throw foreignHost(url.host, mesh, doubt)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

function doubtOf(socket: TLSSocket, mesh: MeshId): HostFault | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return 'noCredential'
  const trust = { mesh, isRevoked: () => false }
  const believed = believeHost(certificate.raw, trust, Date.now())
  if (believed.ok) return undefined
  return believed.why === 'noCredential' && socket.authorized ? undefined : believed.why
}

const words: Readonly<Record<HostFault, string>> = {
  noCredential:
    'its certificate is neither that of a host of a mesh nor good by an authority that this machine trusts',
  noHost: 'it shows the certificate of somebody who is no host',
  notItsOwn: 'it shows the credential of another host',
  malformed: 'its credential cannot be read',
  foreignMesh: 'it is of another mesh',
  unknownIssuer: 'its credential was not issued by this mesh',
  badSignature: 'its credential was changed, or forged',
  notYetValid:
    'its credential is not valid yet; the clock of this machine or of that host is wrong',
  expired: 'its credential has expired, or the clock of this machine is wrong',
  revoked: 'its credential was revoked',
  notGranted: 'its credential grants what its issuer may not grant',
}

function foreignHost(host: string, mesh: MeshId, why: HostFault): Problem {
  const fix =
    why === 'noCredential'
      ? 'see that this is the right address, or name its authority with $NODE_EXTRA_CA_CERTS'
      : 'see that this is the right address; name the mesh that is meant with --profile or --key-file'
  return new Problem({
    code: 'foreignHost',
    why: `what answers at ${host} is not known as a host of mesh ${shortMeshId(mesh)}: ${words[why]}; nothing was sent`,
    fix,
    exitCode: exitCodes.refused,
  })
}

function reset(): Error {
  return Object.assign(new Error('closed before it was secure'), { code: 'ECONNRESET' })
}
