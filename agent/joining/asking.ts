/**
 * The other side of the doorway: a host that has a token asks to be let in, over a bare network,
 * with no agent behind it. It believes nobody who does not show that they are of the mesh in the
 * token, and says nothing of the token before.
 */
import { grantIn } from '../../protocol/identity/certificate.ts'
import { believe, type Credential } from '../../protocol/identity/credential.ts'
import { type PeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import {
  claimBytes,
  JoinFrame,
  type JoinRefusal,
  joinRefusals,
} from '../../protocol/joining/messages.ts'
import { type JoinToken, joinTokenId } from '../../protocol/joining/token.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { type Network, type Stream, Unreachable } from '../../protocol/ports/network.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { joinPurpose } from '../trust/purposes.ts'
import { askingLimits } from './limits.ts'

export interface AskingPorts {
  clock: Clock
  network: Network
}

export interface JoinWish {
  token: JoinToken
  /** What this host would be called. */
  name: string
  /**
   * Of the issuing key's certificate behind the one that this host has, where that may still be good:
   * it is, where those who are asked hang on the same.
   */
  issuer?: string | undefined
  /** The key behind a peer's id: the id itself, but in worlds whose ids are made up. */
  keyOf(peer: PeerId): PeerId
}

export type Joined =
  | { kind: 'joined'; credential: Credential }
  /** What this host has hangs on the issuing key of those who are asked. */
  | { kind: 'same' }
  /** The mesh has said no; `unavailable`: nobody could judge it for as long as was asked. */
  | { kind: 'refused'; why: JoinRefusal }
  /** Who answers is not of the mesh in the token; or the calendars differ. */
  | { kind: 'foreign'; address: string; why: string }
  | { kind: 'unreachable'; tried: { address: string; why: string }[] }

/** Asks one after another, until one of them has a certificate for us or says that there is none. */
export async function askToJoin(
  ports: AskingPorts,
  wish: JoinWish,
  signal: AbortSignal,
): Promise<Joined> {
  let last: Joined = { kind: 'unreachable', tried: [] }
  for (let round = 0; round < askingLimits.roundsMax && !signal.aborted; round++) {
    if (round > 0) await pause(ports.clock, askingLimits.roundMs, signal)
    last = await askAll(ports, wish, signal)
    if (last.kind !== 'refused' || last.why === 'refused') return last
  }
  return last
}

async function askAll(ports: AskingPorts, wish: JoinWish, signal: AbortSignal): Promise<Joined> {
  const tried: { address: string; why: string }[] = []
  let later: Joined | undefined
  let foreign: Joined | undefined
  for (const address of wish.token.addresses) {
    const said = await askAt(ports, wish, address, signal)
    if (said.kind === 'joined' || said.kind === 'same') return said
    if (said.kind === 'refused' && said.why === 'refused') return said
    if (said.kind === 'refused') later = said
    else if (said.kind === 'foreign') foreign ??= said
    else tried.push(...said.tried)
  }
  return later ?? foreign ?? { kind: 'unreachable', tried }
}

async function askAt(
  { clock, network }: AskingPorts,
  wish: JoinWish,
  address: string,
  signal: AbortSignal,
): Promise<Joined> {
  const deadline = new AbortController()
  const give = () => deadline.abort()
  signal.addEventListener('abort', give, { once: true })
  const timer = clock.after(askingLimits.reachMs, give)
  let peer: PeerId | undefined
  try {
    peer = await network.dial(address, deadline.signal)
    const stream = await network.open(peer, joinPurpose, deadline.signal)
    return await converse(clock, network.self, stream, wish, address)
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    return { kind: 'unreachable', tried: [{ address, why: error.message }] }
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', give)
    if (peer !== undefined) network.disconnect(peer)
  }
}

function converse(
  clock: Clock,
  self: PeerId,
  stream: Stream,
  wish: JoinWish,
  address: string,
): Promise<Joined> {
  const { token, name, issuer, keyOf } = wish
  return new Promise((resolve) => {
    const end = (said: Joined) => {
      timer.cancel()
      stream.onClose = () => {}
      if (stream.open) stream.abort('closedHere')
      resolve(said)
    }
    const silent = (why: string) => end({ kind: 'unreachable', tried: [{ address, why }] })
    const timer = clock.after(askingLimits.answerMs, () => silent('it does not answer'))
    let believed = false
    stream.onClose = () => silent('it hung up')
    stream.onFrame = (bytes) => {
      const read = bytes.length <= joinLimits.frameBytesMax ? decode(JoinFrame, bytes) : undefined
      if (!read?.ok) return silent('it says what this version does not understand')
      const frame = read.value
      if (frame.kind === 'challenge' && !believed) {
        const why = faultOf(frame.value.credential, token, keyOf(stream.peer), clock.wall())
        if (why !== undefined) return end({ kind: 'foreign', address, why })
        if (isBehind(frame.value.credential, issuer)) return end({ kind: 'same' })
        believed = true
        stream.send(requestFor(frame.value.nonce, stream.peer, self, token, name))
      } else if (frame.kind === 'answer') {
        end(answerIn(frame.value, believed, { token, address, own: keyOf(self) }, clock.wall()))
      } else silent('it says what makes no sense here')
    }
    stream.send(encode(JoinFrame, { kind: 'knock', value: { version: 1 } }))
  })
}

function requestFor(
  nonce: Uint8Array,
  asked: PeerId,
  joiner: PeerId,
  { mesh, seed }: JoinToken,
  name: string,
): Uint8Array {
  const signer = signerFromSeed(seed)
  const token = joinTokenId(signer.id)
  const signature = signer.sign(claimBytes({ mesh, token, joiner, asked, nonce, name }))
  return encode(JoinFrame, { kind: 'request', value: { token, name, signature } })
}

function answerIn(
  { credential, why }: { credential?: Credential; why?: string },
  believed: boolean,
  { token, address, own }: { token: JoinToken; address: string; own: PeerId },
  nowMs: number,
): Joined {
  if (credential !== undefined && believed) {
    const fault = faultOf(credential, token, own, nowMs)
    if (fault === undefined) return { kind: 'joined', credential }
    return { kind: 'foreign', address, why: `the certificate that it gave ${fault}` }
  }
  // Who has not shown who they are cannot say that the mesh refuses.
  const known = joinRefusals.find((each) => each === why) ?? 'unavailable'
  return { kind: 'refused', why: believed ? known : 'busy' }
}

function isBehind({ issuer }: Credential, serial: string | undefined): boolean {
  return serial !== undefined && issuer !== undefined && grantIn(issuer)?.serial === serial
}

/** Undefined where that is a credential of this peer, in the mesh of the token. */
function faultOf(
  credential: Credential,
  { mesh }: JoinToken,
  peer: PeerId,
  nowMs: number,
): string | undefined {
  const judged = believe(credential, { mesh, isRevoked: () => false }, nowMs)
  if (!judged.ok) return faults[judged.why] ?? 'is not of the mesh in the token'
  const { kind, subject } = judged.holder
  return kind === 'peer' && subject === peer ? undefined : 'is somebody else’s'
}

const faults: Readonly<Record<string, string>> = {
  expired: 'has expired, or the clock of this host is wrong',
  notYetValid: 'is not valid yet: the clock of this host may be wrong',
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve)
    signal.addEventListener(
      'abort',
      () => {
        timer.cancel()
        resolve()
      },
      { once: true },
    )
  })
}
