/**
 * By what right an agent is of its mesh: the mesh that its configuration names, and the credential
 * in its data directory. The agent that founds a mesh makes its own, with the issuing key beside
 * the swarm key; every other must have been let in before it starts.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../../agent/config/schema.ts'
import type { Founding } from '../../agent/ports/founding.ts'
import { credentialFile, issuerFile, type Secrets } from '../../agent/ports/secrets.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import {
  believe,
  type Credential,
  type CredentialFault,
  type Trust,
} from '../../protocol/identity/credential.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { shortMeshId } from '../../protocol/identity/mesh-id.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { Problem } from '../../protocol/problem.ts'
import { issuerIn, readIssuer } from './mesh-keys.ts'
import { credentialIn, equipPeer, trustIn } from './peer-files.ts'

export interface OwnMembership {
  trust: Trust
  credential: Credential
}

/** Rejects with a `Problem` when this host is of no mesh. */
export async function membershipOf(
  config: Config,
  secrets: Secrets,
  id: PeerId,
  { founder }: Founding,
): Promise<OwnMembership> {
  const { id: mesh } = config.mesh
  if (mesh === '') throw refused('noMesh', 'this host is of no mesh: mesh.id is not set')
  if (founder) await takeIssuer(config, secrets)
  const credential =
    (await credentialIn(secrets)) ?? (founder ? await selfIssued(config, secrets) : undefined)
  const file = join(secrets.path, credentialFile)
  if (credential === undefined) {
    throw refused('noCredential', `there is no credential of this host in ${file}`)
  }
  const trust = trustIn(mesh)
  const believed = believe(credential, trust, Date.now())
  if (!believed.ok) {
    const why = `the credential in ${file} ${faults[believed.why]}`
    throw refused('credentialRefused', `${why} (mesh ${shortMeshId(mesh)})`)
  }
  const { holder } = believed
  if (holder.kind !== 'peer' || holder.subject !== id) {
    throw refused('credentialRefused', `the credential in ${file} is somebody else's`)
  }
  return { trust, credential }
}

/** Whoever founds a mesh lets the others in. The original may be taken offline afterwards. */
async function takeIssuer({ network }: Config, secrets: Secrets): Promise<void> {
  const file = join(dirname(network.swarmKeyFile), keyFileNames.issuer)
  if (!existsSync(file) || (await secrets.read(issuerFile))) return
  readIssuer(file)
  await secrets.write(issuerFile, readFileSync(file))
}

async function selfIssued({ node }: Config, secrets: Secrets): Promise<Credential | undefined> {
  const text = await secrets.read(issuerFile)
  const issuer = text && issuerIn(Buffer.from(text).toString('utf8'))
  if (issuer === undefined) return undefined
  return equipPeer(secrets.path, issuer, { name: node.name, roles: ['coordinator'], labels: {} })
}

const faults: Readonly<Record<CredentialFault, string>> = {
  malformed: 'cannot be read',
  foreignMesh: 'is of another mesh',
  unknownIssuer: 'was not issued by this mesh',
  badSignature: 'was changed, or forged',
  notYetValid: 'is not valid yet; the clock of this host may be wrong',
  expired: 'has expired, or the clock of this host is wrong',
  revoked: 'was revoked',
  notGranted: 'grants what its issuer may not grant',
}

function refused(code: string, why: string): Problem {
  return new Problem({
    code,
    why,
    fix: 'make a mesh with skein init, or join one with skein agent join TOKEN',
    exitCode: exitCodes.usage,
  })
}
