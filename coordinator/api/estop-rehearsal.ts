/**
 * The way of a person's word through the control API, gone with a word of a mesh that nobody is in:
 * what is first done there is otherwise read and compiled when somebody wants everything to stop.
 *
 * Invariant: nothing of it can be seen. The door, what it remembers and who hears the word are made
 * for it alone, and gone with it.
 */
import { coreOf } from '../../agent/estop/rehearsal.ts'
import type { Somebody } from '../../agent/estop/somebody.ts'
import { StopWord } from '../../protocol/estop/word.ts'
import { callDigest } from '../../protocol/identity/call-digest.ts'
import { Envelope, sealedEnvelope } from '../../protocol/identity/envelope.ts'
import { envelopeLimits, tokenLimits } from '../../protocol/identity/limits.ts'
import { mintToken } from '../../protocol/identity/token.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { dispatch } from './dispatch.ts'
import { commandHeader, type DoorPorts, SignedDoor } from './door.ts'
import { say } from './estop-handlers.ts'
import type { ApiReply, ApiRequest } from './exchange.ts'
import { routePaths } from './route-paths.ts'

/** The address that is asked. */
const HOST = 'rehearsal'

/** Resolves with what the person would have heard. */
export async function rehearseSaying(person: Somebody, clock: Clock): Promise<ApiReply> {
  const door = new SignedDoor(person.trust, { clock, disk: nothingKept })
  const core = coreOf(person, clock.now())
  const estop = { said: (word: StopWord) => core.said(word, clock.now(), clock.wall()) }
  const call = await callOf(person, clock.wall())
  door.knock(call)
  const { signal } = new AbortController()
  return dispatch(call, { sayStop: (request) => say({ estop }, request) }, door, signal, () => {})
}

async function callOf(person: Somebody, issuedMs: number): Promise<ApiRequest> {
  const { mesh, credential, signer } = person
  const { method, path, verb } = routePaths.sayStop
  const word = Buffer.from(encode(StopWord, person.raise())).toString('base64url')
  const body = new TextEncoder().encode(JSON.stringify({ word }))
  const call = { method, path, query: '', body }
  const expiresMs = issuedMs + tokenLimits.lifeMsMax
  const token = await mintToken({ mesh, audience: HOST, issuedMs, expiresMs }, credential, signer)
  const command = {
    mesh,
    verb,
    object: '',
    payload: callDigest(call),
    nonce: person.bytes(envelopeLimits.nonceBytes),
    issuedMs,
    expiresMs,
  }
  const envelope = encode(Envelope, await sealedEnvelope(command, credential, signer))
  const signed = Buffer.from(envelope).toString('base64url')
  const headers = {
    host: HOST,
    'content-type': 'application/json',
    'content-length': String(body.length),
    authorization: `Bearer ${token}`,
    [commandHeader]: signed,
  }
  return { ...call, headers }
}

const nothingKept: DoorPorts['disk'] = {
  get: () => Promise.resolve(undefined),
  write: () => Promise.resolve(),
  async *scan() {},
}
