/**
 * `skein keys rotate issuing`: another issuing key, made here with the root key, in the place of the
 * one of now. It follows how hosts get certificates by the new one, and has the one before taken back
 * as soon as nobody hangs on it; `--finish` is for the day on which the last of them do not.
 */
import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { grantIn } from '../../protocol/identity/certificate.ts'
import { Credential } from '../../protocol/identity/credential.ts'
import { keyFileNames } from '../../protocol/identity/key-file.ts'
import { sealingLimits } from '../../protocol/identity/limits.ts'
import { shortMeshId } from '../../protocol/identity/mesh-id.ts'
import { Problem } from '../../protocol/problem.ts'
import { decode } from '../../protocol/wire/codec.ts'
import type { RouteResponse } from '../api/routes.ts'
import {
  draftedIssuer,
  draftOf,
  dropIssuerDraft,
  putIssuerInPlace,
  rootIn,
} from '../host/issuer-files.ts'
import { sealedForReception } from '../joining/handing-over.ts'
import type { IssuingSeed } from '../joining/wire.ts'
import { confirm } from './confirm.ts'
import { type Context, document, sleep } from './context.ts'
import { plain } from './table.ts'
import { wrongUse } from './usage.ts'

export interface RotateFlags {
  rootKey?: string
  rootPassphraseFile?: string
  out?: string
  finish?: boolean
  force?: boolean
  wait: boolean
  timeout: string
}

type Keys = RouteResponse<'keys'>
type Key = Keys['issuers'][number]

/** Who hangs on keys that are being retired. */
interface Hanging {
  hosts: string[]
  unseen: string[]
  people: string[]
}

const LOOK_MS = 500
const REASON = 'rotated'

export async function rotateIssuing(context: Context, flags: RotateFlags): Promise<number> {
  if (flags.force === true && flags.finish !== true) {
    throw wrongUse(
      '--force is for --finish',
      'leave it out: nobody is turned away without --finish',
    )
  }
  if (flags.finish === true) return finish(context, flags.force === true)
  const serial = await putAnother(context, flags)
  const keys = await followed(context, serial, flags.wait ? Number(flags.timeout) * 1_000 : 0)
  const left = hanging(keys)
  if (countOf(left) === 0 && isSeen(keys, serial))
    return finished(context, await retireAll(context, keys, false))
  return waiting(context, keys, left)
}

// ── The new key ────────────────────────────────────────────────────────────────────────────────────

/** The serial of its certificate. */
async function putAnother(context: Context, flags: RotateFlags): Promise<string> {
  const { client, io, quiet, json } = context
  const { from, holder } = await client.signIn.key()
  const rootFile = resolve(flags.rootKey ?? join(dirname(from), keyFileNames.root))
  const file = resolve(flags.out ?? join(dirname(rootFile), keyFileNames.issuer))
  const root = await rootIn(rootFile, flags.rootPassphraseFile)
  if (root.mesh !== holder.mesh) {
    throw new Problem({
      code: 'otherMesh',
      why: `${rootFile} is the root of mesh ${shortMeshId(root.mesh)}, and you sign in to ${shortMeshId(holder.mesh)}`,
      fix: 'name the root key of that mesh with --root-key',
      exitCode: exitCodes.usage,
    })
  }
  const before = await client.call('keys')
  await confirm(context, touched(before, file))
  const given = await draftedIssuer(file, root, Date.now())
  await handOver(context, given, file)
  putIssuerInPlace(file)
  const serial = grantIn(given.certificate)?.serial ?? ''
  if (quiet || json) return serial
  io.err(`another issuing key is in place, and in ${file}; destroy the copies of the one before\n`)
  return serial
}

function touched({ issuers }: Keys, file: string): string {
  const good = issuers.filter(({ revoked }) => !revoked)
  const hosts = good.reduce((sum, key) => sum + key.hosts.length, 0)
  const people = good.reduce((sum, key) => sum + key.people.length, 0)
  return `this makes another issuing key, in ${file}: ${hosts} hosts are certified anew while they work, and ${people} people when they sign in next; the key of now is taken back when nobody hangs on it`
}

async function handOver({ client }: Context, given: IssuingSeed, file: string): Promise<void> {
  const { leader } = await client.call('keys')
  if (leader === undefined) {
    throw new Problem({
      code: 'noLeader',
      why: 'nobody leads the mesh now, and only whoever leads can take a new issuing key',
      fix: `skein health says who is missing; the key that was made is in ${draftOf(file)}, and the next run takes it`,
      exitCode: exitCodes.noAnswer,
    })
  }
  const parameters = { node: leader }
  const reception = receptionIn(await client.call('issuingReception', { parameters }))
  const { mesh } = await client.signIn.holder()
  const chance = new Uint8Array(randomBytes(sealingLimits.chanceBytes))
  const sealed =
    reception && sealedForReception(reception, given, { mesh, nowMs: Date.now(), chance })
  if (sealed === undefined) {
    throw new Problem({
      code: 'notTheLeader',
      why: 'what the agent says of its leader is not signed by a coordinator of this mesh',
      fix: 'ask another agent with --address; the new key was shown to nobody',
      exitCode: exitCodes.refused,
    })
  }
  const body = { sealed: Buffer.from(sealed).toString('base64url') }
  await client.call('rotateIssuer', { parameters, body }).catch((error: unknown) => {
    // Where it was not understood, or was one before, the same one is refused again.
    if (error instanceof Problem && error.exitCode === exitCodes.usage) dropIssuerDraft(file)
    throw error
  })
}

function receptionIn(answer: RouteResponse<'issuingReception'>) {
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
  const credential = decode(Credential, bytes(answer.credential))
  if (!credential.ok || grantIn(credential.value.leaf) === undefined) return undefined
  const [sealing, signature] = [bytes(answer.sealing), bytes(answer.signature)]
  return { credential: credential.value, sealing, signature }
}

// ── Those who hang on the one before ───────────────────────────────────────────────────────────────

/** Until no host that is here hangs on a key that is being retired. */
async function followed(context: Context, serial: string, timeoutMs: number): Promise<Keys> {
  const { client, io, quiet, json, interrupted } = context
  const endMs = performance.now() + timeoutMs
  let told = ''
  for (;;) {
    const keys = await client.call('keys')
    const { nodes } = await client.call('nodes')
    const alive = new Set(nodes.flatMap(({ name, state }) => (state === 'alive' ? [name] : [])))
    const { hosts, unseen } = hanging(keys)
    const left = [...hosts, ...unseen].filter((name) => alive.has(name)).length
    const line = `${left} of ${alive.size} hosts still have a certificate by the key before`
    const isOver = left === 0 && isSeen(keys, serial)
    if (left > 0 && line !== told && !quiet && !json) io.err(`${line}\n`)
    told = line
    if (isOver || performance.now() >= endMs || interrupted.aborted) return keys
    await sleep(LOOK_MS, interrupted)
  }
}

/** Whether the agent that is asked knows of the new key already. */
function isSeen({ issuers }: Keys, serial: string): boolean {
  return issuers.some((key) => key.serial === serial)
}

function hanging({ issuers, unseen }: Keys): Hanging {
  const retiring = issuers.filter((key) => key.retiring)
  return {
    hosts: retiring.flatMap(({ hosts }) => hosts),
    // Whoever was not met may hang on any.
    unseen: retiring.length === 0 ? [] : unseen,
    people: retiring.flatMap(({ people }) => people),
  }
}

const countOf = ({ hosts, unseen, people }: Hanging): number =>
  hosts.length + unseen.length + people.length

/** The mesh goes on with both keys. */
function waiting(context: Context, keys: Keys, left: Hanging): number {
  const { io, quiet } = context
  if (context.json) document(context, resultOf(keys, left, []))
  else if (!quiet) {
    for (const [names, what] of [
      [left.hosts, 'hosts with a certificate by the key before'],
      [left.unseen, 'hosts that are away, and may have one'],
      [left.people, 'people whose certificate is by the key before, until they sign in next'],
    ] as const) {
      if (names.length > 0) io.err(`${what}: ${names.map(plain).join(', ')}\n`)
    }
    io.err('the key before is believed until: skein keys rotate issuing --finish\n')
  }
  return exitCodes.partly
}

// ── Taking it back ─────────────────────────────────────────────────────────────────────────────────

async function finish(context: Context, force: boolean): Promise<number> {
  const keys = await context.client.call('keys')
  const retiring = keys.issuers.filter((key) => key.retiring)
  if (retiring.length === 0) {
    throw new Problem({
      code: 'nothingToFinish',
      why: 'no issuing key is being retired',
      fix: 'skein keys rotate issuing puts another in the place of the one of now',
      exitCode: exitCodes.notFound,
    })
  }
  const left = hanging(keys)
  const names = [...left.hosts, ...left.unseen, ...left.people]
  const turned = names.length === 0 ? 'nobody hangs on it' : `on it: ${names.map(plain).join(', ')}`
  if (force) {
    const touches = `this takes back the issuing key before; ${turned}, and who does is turned away`
    await confirm(context, touches)
  }
  return finished(context, await retireAll(context, keys, force))
}

async function retireAll({ client }: Context, { issuers }: Keys, force: boolean): Promise<Key[]> {
  const retiring = issuers.filter((key) => key.retiring)
  for (const { serial } of retiring) {
    await client.call('retireIssuer', {
      parameters: { serial },
      body: { reason: REASON, force },
    })
  }
  return retiring
}

async function finished(context: Context, retired: readonly Key[]): Promise<number> {
  const keys = await context.client.call('keys')
  if (context.json) document(context, resultOf(keys, hanging(keys), retired))
  else if (!context.quiet) {
    if (retired.length === 0) return exitCodes.done
    const ids = retired.map(({ id }) => `…${plain(id.slice(-8))}`).join(', ')
    context.io.err(
      `the issuing key before (${ids}) is taken back: what it signs is believed by nobody\n`,
    )
  }
  return exitCodes.done
}

function resultOf(keys: Keys, waitingFor: Hanging, retired: readonly Key[]) {
  const current = keys.issuers.findLast((key) => !key.retiring && !key.revoked)
  return {
    schemaVersion: 1,
    issuer: current?.serial,
    retired: retired.map(({ serial }) => serial),
    waitingFor,
  }
}
