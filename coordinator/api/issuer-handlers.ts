/**
 * Another issuing key in the place of the one of now: taken in by whoever leads, and the one before
 * taken back when nobody hangs on it, or when a person says that it must be all the same. And people
 * whose certificates hang on the one before: they get another for the key that they have.
 */
import type { Agent } from '../../agent/agent.ts'
import { stopText } from '../../protocol/estop/text.ts'
import { believe, Credential } from '../../protocol/identity/credential.ts'
import { reissuePerson } from '../../protocol/identity/issuing.ts'
import { revocationWord } from '../../protocol/identity/revocation.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { isRetiring, isSuperseded, issuerBehind } from '../joining/issuers.ts'
import type { IssuingKey, Rotated } from '../joining/issuing-key.ts'
import { personNamed, recordPerson, recordRevocation } from '../people/register.ts'
import { freshState } from '../runs/fresh.ts'
import { appended, applied } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { type Keys, keysOf, meetUnseen } from './key-handlers.ts'
import { type ApiCode, ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import type { Node } from './schemas.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type IssuerRoute = 'issuingReception' | 'rotateIssuer' | 'retireIssuer' | 'renewUser'

export interface IssuerParts {
  readonly agent: Agent
  readonly issuing: IssuingKey
  find(reference: string): Node
  /** Of another node, by itself. */
  reception(node: Node, signal: AbortSignal): Promise<RouteResponse<'issuingReception'>>
  /** To whoever leads, as it was signed. */
  passOn<N extends 'rotateIssuer' | 'renewUser'>(
    node: Node,
    name: N,
    request: Request<N>,
  ): Promise<RouteResponse<N>>
}

export function issuerHandlers(parts: IssuerParts): Pick<Handlers, IssuerRoute> {
  const { agent, issuing } = parts
  return {
    issuingReception: ({ parameters, signal }) => {
      const node = parts.find(parameters.node)
      return node.self ? receptionOf(issuing) : parts.reception(node, signal)
    },
    rotateIssuer: (it) => {
      const node = parts.find(it.parameters.node)
      return node.self ? rotate(agent, issuing, it) : rotateThere(parts, node, it)
    },
    retireIssuer: (it) => retire(agent, it),
    renewUser: (it) => {
      const node = parts.find(it.parameters.node)
      return node.self ? renew(agent, issuing, it) : parts.passOn(node, 'renewUser', it)
    },
  }
}

function receptionOf(issuing: IssuingKey): RouteResponse<'issuingReception'> {
  const { credential, sealing, signature } = issuing.reception
  return {
    schemaVersion: SCHEMA_VERSION,
    credential: textOf(encode(Credential, credential)),
    sealing: textOf(sealing),
    signature: textOf(signature),
  }
}

/** Who asks this agent next is to see what was done at the other. */
async function rotateThere(
  { agent, passOn }: IssuerParts,
  node: Node,
  request: Request<'rotateIssuer'>,
): Promise<Keys> {
  const keys = await passOn(node, 'rotateIssuer', request)
  await freshState(agent, request.signal)
  return keys
}

async function rotate(
  agent: Agent,
  issuing: IssuingKey,
  { body, caller, signal }: Request<'rotateIssuer'>,
): Promise<Keys> {
  refuseUnlessLeading(agent)
  const given = issuing.received(bytesOf(body.sealed))
  if (given === undefined) {
    const why = 'that is no issuing key, or was not sealed for this node'
    throw new ApiRefusal('badRequest', why, 'ask with skein keys rotate issuing')
  }
  // Who is known by then is certified anew as what it is.
  await meetUnseen(agent, signal)
  const rotated = await issuing.rotate(given, caller.name)
  if (rotated.kind !== 'done' && rotated.kind !== 'same') throw refusalFor[rotated.kind]()
  return keysOf(agent)
}

type Unrotated = Exclude<Rotated['kind'], 'done' | 'same'>

const refusal = (code: ApiCode, why: string, fix: string) => () => new ApiRefusal(code, why, fix)

const refusalFor: Readonly<Record<Unrotated, () => ApiRefusal>> = {
  noneKept: refusal(
    'conflict',
    'the ledger has no issuing key yet, in whose place another could be put',
    'start the agent of the first host, which brings it; skein health says when it is there',
  ),
  unfit: refusal(
    'badRequest',
    'that is no issuing key of this mesh, or was one before, or may not certify all that the one of now may',
    'make a new one with skein keys rotate issuing and the root key of this mesh',
  ),
  sealed: refusal(
    'unreachable',
    'whoever leads cannot open the issuing key of now yet',
    'try again in a moment; skein health says who can',
  ),
  conflict: refusal(
    'conflict',
    'somebody else has just put another issuing key there',
    'look with skein keys ls, and try again',
  ),
  unknown: refusal(
    'unreachable',
    'it was proposed, and nobody knows what came of it',
    'run it again: the same key is put there once',
  ),
}

/** The revocation is the signed command itself, so that hosts which do not hear the ledger heed it. */
async function retire(
  agent: Agent,
  { parameters: { serial }, body, call, signal, trail }: Request<'retireIssuer'>,
): Promise<Keys> {
  const { state, fresh } = await freshState(agent, signal)
  if (!fresh) {
    const why = 'nobody tells this agent now who hangs on that key'
    throw new ApiRefusal(
      'unreachable',
      why,
      'skein health says who is missing; nothing was changed',
    )
  }
  if (!isRetiring(state, serial)) {
    const why = `no issuing key with the certificate ${serial} is being retired`
    const fix = 'put another in its place first, with skein keys rotate issuing'
    throw new ApiRefusal('conflict', why, fix)
  }
  const hangs = hangersOn(agent, serial)
  if (hangs.length > 0 && !body.force) {
    throw new ApiRefusal(
      'conflict',
      `it would turn away ${hangs.join(', ')}`,
      'wait until skein keys ls shows nobody on it (people: their next sign-in, or skein users rotate; stops: skein resume), or go on with --force',
    )
  }
  const word = trail?.proof && revocationWord(trail.proof, call)
  if (word === undefined) {
    const fix = 'sign in with a key of this mesh, and ask again'
    throw new ApiRefusal('refused', 'that is signed in no way that others could check', fix)
  }
  if (trail !== undefined) {
    const detail = hangs.length === 0 ? 'nobody hung on it' : `turned away: ${hangs.join(', ')}`
    trail.note = { ...trail.note, detail }
  }
  await appended(agent, recordRevocation(serial, body.reason, word), signal, trail)
  return keysOf(agent)
}

/** Who would be turned away, in words. Whom this agent has not met may hang on any. */
function hangersOn(agent: Agent, serial: string): string[] {
  const { issuers, unseen } = keysOf(agent)
  const { hosts = [], people = [] } = issuers.find((key) => key.serial === serial) ?? {}
  const named = (names: readonly string[], one: string) => names.map((name) => `${one} ${name}`)
  const notMet = unseen.map((name) => `host ${name} (away, and perhaps on it)`)
  return [...named(hosts, 'host'), ...notMet, ...named(people, 'user'), ...stopsOn(agent, serial)]
}

/** What is in force here stays so; a host that comes later would not believe whoever has signed it. */
function stopsOn({ estop }: Agent, serial: string): string[] {
  const signed = estop.core.latch
    .inForce()
    .filter(({ word }) =>
      word.hands.every(({ credential }) => issuerBehind(credential)?.serial === serial),
    )
  return signed.map(({ by, saying }) => `${by}, whose ${stopText(saying)} is in force`)
}

async function renew(
  agent: Agent,
  issuing: IssuingKey,
  { body, caller, signal }: Request<'renewUser'>,
): Promise<RouteResponse<'renewUser'>> {
  refuseUnlessLeading(agent)
  const { trust, ports } = agent
  const shown = decode(Credential, bytesOf(body.credential))
  const judged = shown.ok ? believe(shown.value, trust, ports.clock.wall()) : undefined
  if (!shown.ok || !judged?.ok || judged.holder.subject !== caller.id) {
    const why = 'that is not the certificate of whoever asks'
    throw new ApiRefusal('badRequest', why, 'send the one that you sign in with')
  }
  const { state } = await freshState(agent, signal)
  if (!isSuperseded(state, shown.value)) {
    const why = 'your certificate hangs on no issuing key that is being retired'
    throw new ApiRefusal('conflict', why, 'keep it; skein users rotate makes another')
  }
  const { holder } = judged
  // Whoever has stolen the key before could else have what they made with it certified by the one of now.
  const known = personNamed(state, holder.name)
  if (known?.holder.serial !== holder.serial || known.holder.subject !== holder.subject) {
    const why = `that is not the certificate of ${holder.name}, as the ledger has it`
    throw new ApiRefusal(
      'refused',
      why,
      'have one made by somebody who may: skein users add or rotate',
    )
  }
  if (!isSuperseded(state, known.credential)) {
    return {
      schemaVersion: SCHEMA_VERSION,
      credential: textOf(encode(Credential, known.credential)),
    }
  }
  const issuer = await issuing.get()
  if (issuer === undefined) throw refusalFor.sealed()
  const credential = reissuePerson(issuer, known.holder, ports.clock.wall())
  const record = recordPerson(credential, known.revision)
  const { code } = await applied(agent, record, signal)
  if (code !== 'ok') {
    const why = 'somebody has changed what the ledger knows of you'
    throw new ApiRefusal('conflict', why, 'try again')
  }
  return { schemaVersion: SCHEMA_VERSION, credential: textOf(encode(Credential, credential)) }
}

function refuseUnlessLeading({ ledger, settings }: Agent): void {
  if (ledger.leads) return
  const why = `${settings.name} does not lead now, and only whoever leads can do that`
  throw new ApiRefusal('conflict', why, 'try again: skein status shows who leads')
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'))
}
