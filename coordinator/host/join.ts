/**
 * `skein agent join TOKEN`: asks the mesh in the token to be let in, now, and leaves behind all that
 * the agent needs to start. What is written comes in an order in which a crash costs nothing: first
 * the key of this host, so that a second run is the same host to the mesh; the configuration last.
 */
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { nodeName } from '../../agent/config/kind.ts'
import { loadConfig } from '../../agent/config/load.ts'
import type { Config } from '../../agent/config/schema.ts'
import { askToJoin, type Joined } from '../../agent/joining/asking.ts'
import { configRefused, configUnreadable, notWritable } from '../../agent/life/refusals.ts'
import { startNetwork } from '../../agent/network/start.ts'
import { SystemClock } from '../../agent/ports/clock.ts'
import { Secrets } from '../../agent/ports/secrets.ts'
import { assert } from '../../protocol/assert.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import { believe, type Credential } from '../../protocol/identity/credential.ts'
import { shortMeshId } from '../../protocol/identity/mesh-id.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { formatSwarmKey } from '../../protocol/identity/swarm-key.ts'
import type { JoinToken } from '../../protocol/joining/token.ts'
import { silentLog } from '../../protocol/ports/log.ts'
import * as no from './join-refusals.ts'
import { tokenFrom } from './join-token.ts'
import { credentialIn, keepCredential, seedIn, trustIn } from './peer-files.ts'

export interface JoinOptions {
  /** The token, or `-` to have it read from stdin. */
  token: string
  config: string
  dataDirectory?: string
  name?: string
  json?: boolean
  quiet?: boolean
}

const swarmKeyFile = 'swarm.key'

export async function joinMesh(options: JoinOptions): Promise<number> {
  const token = await tokenFrom(options.token)
  const file = resolve(options.config)
  const place = placeOf(options, file, token)
  const secrets = new Secrets(place.dataDirectory)
  await secrets.prepare()
  await refuseOtherMesh(secrets, token)
  const { holder, wasThere } = await membershipIn(secrets, token, place.name)
  await secrets.write(swarmKeyFile, Buffer.from(formatSwarmKey(token.swarmKey)))
  if (!place.isConfigured) writeConfig(file, place, token, holder)
  report(options, file, token, holder, wasThere)
  return exitCodes.done
}

interface Place {
  dataDirectory: string
  name: string
  /** The configuration is there, and of this mesh: it is kept as it is. */
  isConfigured: boolean
}

function placeOf({ name, dataDirectory }: JoinOptions, file: string, token: JoinToken): Place {
  if (existsSync(file)) {
    const config = configIn(file)
    if (config.mesh.id !== token.mesh) throw no.otherConfig(file)
    const given = dataDirectory === undefined ? config.dataDirectory : resolve(dataDirectory)
    if (given !== config.dataDirectory) throw no.otherDirectory(file, config.dataDirectory)
    if (name !== undefined && name !== config.node.name) throw no.otherName(file, config.node.name)
    return placeIn(config, true)
  }
  try {
    accessSync(dirname(file), constants.W_OK)
  } catch (error) {
    throw notWritable(file, '--config', error)
  }
  const wished = name === undefined ? nodeNameOf(hostname()) : name
  const read = nodeName.read(wished)
  if (!read.ok) throw no.badName(wished, read.why, read.fix)
  const where = dataDirectory === undefined ? {} : { dataDirectory: resolve(dataDirectory) }
  return placeIn(configOf(stringify({ ...where, node: { name: wished } }), file), false)
}

function placeIn({ dataDirectory, node }: Config, isConfigured: boolean): Place {
  return { dataDirectory, name: node.name, isConfigured }
}

function configIn(file: string): Config {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw configUnreadable(file, error)
  }
  return configOf(text, file)
}

/** What an agent would make of it that started with this alone. */
function configOf(fileText: string, file: string): Config {
  const { HOME, XDG_DATA_HOME } = process.env
  const host = { name: hostname(), superuser: process.getuid?.() === 0 }
  const env = { HOME, XDG_DATA_HOME }
  const loaded = loadConfig({ env, flags: {}, host, fileName: file, fileText })
  if (!loaded.ok) throw configRefused(loaded.problems)
  return loaded.config
}

/** Hosts may be called what no node may. */
function nodeNameOf(host: string): string {
  return nodeName.read(host).ok ? host : host.replaceAll(/[^A-Za-z0-9._-]/g, '-')
}

/** A data directory belongs to one mesh for good. */
async function refuseOtherMesh(secrets: Secrets, token: JoinToken): Promise<void> {
  const credential = await credentialIn(secrets)
  if (credential === undefined) return
  const judged = believe(credential, trustIn(token.mesh), Date.now())
  const mayBeRenewed = judged.ok || judged.why === 'expired' || judged.why === 'notYetValid'
  if (!mayBeRenewed) throw no.otherData(secrets.path)
}

interface Own {
  holder: Grant
  /** Of the certificate of the issuing key behind it, where there is one. */
  issuer: string | undefined
}

/** Whom this host is to the mesh already, as far as it can tell by itself. */
async function ownMembership(secrets: Secrets, token: JoinToken): Promise<Own | undefined> {
  const credential = await credentialIn(secrets)
  const holder = credential && (await holderIn(credential, secrets, token))
  if (holder === undefined) return undefined
  return { holder, issuer: credential?.issuer && grantIn(credential.issuer)?.serial }
}

async function holderIn(
  credential: Credential,
  secrets: Secrets,
  { mesh }: JoinToken,
): Promise<Grant | undefined> {
  const { id } = signerFromSeed(await seedIn(secrets))
  const judged = believe(credential, trustIn(mesh), Date.now())
  return judged.ok && judged.holder.subject === id ? judged.holder : undefined
}

interface Membership {
  holder: Grant
  wasThere: boolean
}

/**
 * What this host has is looked at by asking: another issuing key may have taken the place of the one
 * behind it while this host was away, and then it is let in anew. Where nobody can say so, it is kept.
 */
async function membershipIn(secrets: Secrets, token: JoinToken, name: string): Promise<Membership> {
  const known = await ownMembership(secrets, token)
  const canAsk = Date.now() < token.expiresMs && token.addresses.length > 0
  const kept = known && { holder: known.holder, wasThere: true }
  if (kept && (known.issuer === undefined || !canAsk)) return kept
  if (!canAsk) throw token.addresses.length > 0 ? no.expired(token) : no.nobodyAnswers([])
  const joined = await asked(await seedIn(secrets), token, name, known?.issuer)
  if (joined.kind !== 'joined') {
    const isRefused = joined.kind === 'refused' && joined.why === 'refused'
    if (kept && !isRefused) return kept
    assert(joined.kind !== 'same', 'only who has a certificate is told that it is the same')
    throw no.notLetIn(joined, token)
  }
  await keepCredential(secrets, joined.credential)
  const holder = await holderIn(joined.credential, secrets, token)
  if (holder === undefined) throw no.notLetIn({ kind: 'refused', why: 'unavailable' }, token)
  return { holder, wasThere: false }
}

async function asked(
  seed: Uint8Array,
  token: JoinToken,
  name: string,
  issuer: string | undefined,
): Promise<Joined> {
  const clock = new SystemClock()
  const interrupt = new AbortController()
  const stop = () => interrupt.abort()
  process.on('SIGINT', stop)
  const network = await startNetwork({
    privateKeySeed: seed,
    swarmKey: Buffer.from(formatSwarmKey(token.swarmKey)),
    listen: [],
    bootstrap: [],
    mdns: false,
    topics: [],
    log: silentLog,
  })
  try {
    const wish = { token, name, issuer, keyOf: (peer: typeof network.self) => peer }
    const joined = await askToJoin({ clock, network }, wish, interrupt.signal)
    if (interrupt.signal.aborted && joined.kind !== 'joined') throw no.interrupted()
    return joined
  } finally {
    process.off('SIGINT', stop)
    await network.stop()
    clock.close()
  }
}

function writeConfig(
  file: string,
  { dataDirectory, name }: Place,
  { mesh, addresses }: JoinToken,
  holder: Grant,
): void {
  const config = {
    mesh: { id: mesh },
    node: { name: holder.name || name, labels: { ...holder.labels } },
    dataDirectory,
    network: { bootstrap: addresses, swarmKeyFile: join(dataDirectory, swarmKeyFile) },
  }
  try {
    writeFileSync(file, stringify(config), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw notWritable(file, '--config', error)
  }
}

function report(
  { json, quiet }: JoinOptions,
  config: string,
  { mesh }: JoinToken,
  { name, roles, serial, notAfterMs, subject }: Grant,
  wasThere: boolean,
): void {
  if (json) {
    const said = { schemaVersion: 1, mesh, id: subject, name, roles, serial, notAfterMs, config }
    process.stdout.write(`${JSON.stringify({ ...said, wasThere })}\n`)
    return
  }
  if (quiet) return
  const what = wasThere
    ? `this host is of mesh ${shortMeshId(mesh)} already, as ${name}; the token was not used`
    : `this host is of mesh ${shortMeshId(mesh)} now: ${name}, ${roles.join(' and ')}`
  process.stderr.write(`${what}\nstart it with: skein agent run --config ${config}\n`)
}
