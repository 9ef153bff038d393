/**
 * Who asks, and whether it may be asked: every call passes here before its handler. Looking takes a
 * token of the person who looks; an act takes, besides, a command that this person has signed for
 * this very call, and it is done once. What a stranger hears is the same whatever was wrong; the
 * reason is counted here.
 */

import { KnownTokens } from '../../agent/door/known-tokens.ts'
import { doorLimits } from '../../agent/door/limits.ts'
import { type NonceDisk, NonceStore } from '../../agent/door/nonce-store.ts'
import { Rates } from '../../agent/door/rates.ts'
import { isLoopback } from '../../agent/http/admission.ts'
import { Tally } from '../../agent/tally.ts'
import { callDigest } from '../../protocol/identity/call-digest.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import type { Trust } from '../../protocol/identity/credential.ts'
import {
  Envelope,
  type Opened,
  openEnvelope,
  openEnvelopeAsSigned,
} from '../../protocol/identity/envelope.ts'
import { envelopeLimits } from '../../protocol/identity/limits.ts'
import { shortMeshId } from '../../protocol/identity/mesh-id.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { mayDo, type VerbName, verbs } from '../../protocol/identity/verbs.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { decode } from '../../protocol/wire/codec.ts'
import type { SignedDeed } from '../audit/deed.ts'
import { actFaults, type DoorReason } from './door-reasons.ts'
import type { ApiRequest } from './exchange.ts'
import { bodyBytesMax } from './limits.ts'
import { type ApiCode, ApiRefusal } from './refusal.ts'
import { objectOf } from './route-paths.ts'
import { type FoundRoute, routeAt } from './routing.ts'

/** Whoever has signed. `name` is what the mesh calls the holder of the key `id`. */
export interface Caller {
  readonly id: PeerId
  readonly name: string
  readonly roles: Grant['roles']
  /** The certificate of the issuing key behind theirs, where there is one. */
  readonly issuer?: string | undefined
}

/** A request before its body. */
export type Head = Omit<ApiRequest, 'body'>

export interface Door {
  /** Sent along with `notSignedIn`: by what one signs in, and where. */
  readonly challenge: string
  /** Who asks, and that they may ask for this. Throws `notSignedIn` or `refused`. */
  enter(head: Head, verb: VerbName): Caller
  /**
   * Who has signed the act, for this very call, and that it is new: once it resolves, it counts as
   * done. It is the caller who has entered, or, where another agent passed the call on, anyone who may.
   */
  admit(found: FoundRoute, request: ApiRequest, caller: Caller | undefined): Promise<Caller>
  /** A call of somebody who was let in makes no sense, and was refused for that. */
  countBadCall(): void
  /** Told of each act that somebody known was not let do. */
  onRefusedAct: (refused: RefusedAct) => void
  /** Whether another is in the place of the issuing key with that certificate: its people are told. */
  isSuperseded: (issuer: string) => boolean
}

export interface RefusedAct {
  readonly caller: Caller
  readonly verb: VerbName
  /** What it was to be done to: the path, as it came. */
  readonly path: string
  readonly from: string | undefined
  readonly code: ApiCode
  /** For whoever looks later: more than who asked is told. */
  readonly why: string
}

/** A part of a command to the ledger that people decide. */
export interface Decided {
  readonly verbs: readonly VerbName[]
  readonly by: string | undefined
  /** When it was said, as it tells: not far from when it was signed. */
  readonly atMs?: number | undefined
  /** What the command must have been signed for, where it is not enough that it is of the verb. */
  readonly object?: string | undefined
}

export type Vouched =
  /** `settle` is told whether the command took effect, or may have. */
  { ok: true; settle(tookEffect: boolean): void } | { ok: false; detail: string }

export interface DoorPorts {
  clock: Clock
  disk: NonceDisk
}

/** Answered to whoever is on this host: whether the agent lives, and nothing of the mesh. */
const standingPaths = ['/health', '/ready']
/** Beside the routes, for whoever may look: figures, and how the API describes itself. */
const lookPaths: readonly string[] = ['/metrics', '/openapi.json']

export const commandHeader = 'skein-command'
/** In answers to whoever should have their certificate renewed: its value is `superseded`. */
export const certificateHeader = 'skein-certificate'

export class SignedDoor implements Door {
  readonly challenge: string
  onRefusedAct: Door['onRefusedAct'] = () => {}
  isSuperseded: Door['isSuperseded'] = () => false
  readonly #trust: Trust
  readonly #clock: Clock
  readonly #tokens: KnownTokens
  readonly #nonces: NonceStore
  readonly #rates = new Rates(doorLimits)
  readonly #openPaths: readonly string[]
  readonly #refused = new Tally<DoorReason>()

  /** `open`: paths that need no signing in from this host. */
  constructor(trust: Trust, { clock, disk }: DoorPorts, open: readonly string[] = []) {
    this.challenge = `Bearer realm="skein ${shortMeshId(trust.mesh)}"`
    this.#trust = trust
    this.#clock = clock
    this.#tokens = new KnownTokens(trust, doorLimits.tokensMax)
    this.#nonces = new NonceStore(disk)
    this.#openPaths = [...standingPaths, ...open]
  }

  /** Before anybody asks. */
  open(): void {
    this.#nonces.open()
  }

  /** By reason, since the start. */
  refusals(): Readonly<Record<string, number>> {
    return this.#refused.counts()
  }

  /**
   * Asked before a body is read: how much of one is taken from this caller for this route. Throws
   * what `enter` does, and `overloaded` when this person asks too much.
   */
  knock(head: Head): number {
    const isLocal = head.from !== undefined && isLoopback(head.from)
    if (isLocal && this.#openPaths.includes(head.path)) return 0
    const found = routeAt(head.method, head.path)
    const verb = lookPaths.includes(head.path) ? 'mesh.look' : (found?.route.verb ?? 'mesh.look')
    const caller = this.enter(head, verb)
    const bytesMax = found?.route.bodyBytesMax ?? bodyBytesMax
    const { 'content-length': length, 'transfer-encoding': chunked } = head.headers
    const bytes = chunked === undefined ? Number(length ?? 0) : bytesMax
    const asked = { acts: verbs[verb].acts, bytes: Math.min(bytes, bytesMax) }
    if (this.#rates.takes(caller.id, asked, this.#clock.now())) return bytesMax
    throw this.#refuse('tooMuch', tooMuch(caller))
  }

  enter(head: Head, verb: VerbName): Caller {
    const { headers } = head
    const token = /^Bearer ([\w.-]+)$/i.exec(headers.authorization ?? '')?.[1]
    if (token === undefined) throw this.#refuse('noToken', notSignedIn())
    const signedIn = this.#tokens.holderOf(token, headers.host ?? '', this.#clock.wall())
    if (!signedIn.ok) throw this.#refuse(signedIn.why, notSignedIn())
    const caller = callerOf(signedIn.by)
    if (mayDo(caller.roles, verb)) return { ...caller, issuer: signedIn.issuer }
    const refusal = this.#refuse('notAllowed', notAllowed(caller, verb))
    throw this.#told(refusal, caller, head, verb, refusal.why)
  }

  async admit(
    { route, parameters }: FoundRoute,
    request: ApiRequest,
    caller: Caller | undefined,
  ): Promise<Caller> {
    const asked = await this.#openedOnce(
      signedIn(request),
      ({ command, by }) =>
        (caller === undefined || by.subject === caller.id) &&
        command.verb === route.verb &&
        command.object === objectOf(parameters) &&
        Buffer.from(command.payload).equals(callDigest(request)),
      route.isAtOnce,
    )
    if (asked.ok) return callerOf(asked.by)
    const { why } = asked
    const refusal = this.#refuse(why, why === 'noncesFull' ? busy() : notAsSigned())
    if (caller === undefined) throw refusal
    throw this.#told(refusal, caller, request, route.verb, actFaults[why])
  }

  /**
   * Whether a command of another host, which people decide, is signed: fresh, new to this host, for
   * one of the verbs that each part may come from, and by whom each part names.
   */
  async vouch(proof: Uint8Array | undefined, decided: readonly Decided[]): Promise<Vouched> {
    const asked = await this.#openedOnce(proof, ({ command, by }) =>
      decided.every(
        (part) =>
          part.verbs.includes(command.verb) &&
          (part.by === undefined || part.by === by.name) &&
          (part.atMs === undefined || isAbout(part.atMs, command.issuedMs)) &&
          (part.object === undefined || part.object === command.object),
      ),
    )
    if (!asked.ok) {
      this.#refused.add(asked.why)
      const detail = 'a person decides this, and none has signed it in a way that holds'
      return { ok: false, detail }
    }
    const { command, by } = asked
    const settle = (tookEffect: boolean) => {
      if (!tookEffect) this.#nonces.release(by.subject, command)
    }
    return { ok: true, settle }
  }

  countBadCall(): void {
    this.#refused.add('badCall')
  }

  /** A deed that another host has put down to somebody without a proof. */
  countUnsignedDeed(): void {
    this.#refused.add('unsignedDeed')
  }

  /** Whose act is told of by another host: what the person has signed, whenever that was, holds. */
  whoSigned(proof: Uint8Array | undefined): SignedDeed | undefined {
    if (proof === undefined) return undefined
    const envelope = envelopeIn(proof)
    const opened = envelope && openEnvelopeAsSigned(envelope, this.#trust)
    const nowMs = this.#clock.wall()
    if (!opened?.ok || opened.command.issuedMs > nowMs + envelopeLimits.clockSkewMsMax) {
      this.#refused.add(opened?.ok === false ? opened.why : 'notSigned')
      return undefined
    }
    const { verb, object, issuedMs, expiresMs } = opened.command
    return { name: opened.by.name, verb, object, issuedMs, isFresh: nowMs < expiresMs }
  }

  /** A signed command that holds now and is the one that is meant; it counts as done from here on. */
  async #openedOnce(
    signed: Uint8Array | undefined,
    isMeant: (opened: OpenedCommand) => boolean,
    isAtOnce = false,
  ): Promise<({ ok: true } & OpenedCommand) | { ok: false; why: keyof typeof actFaults }> {
    const envelope = envelopeIn(signed)
    if (envelope === undefined) return { ok: false, why: 'notSigned' }
    const nowMs = this.#clock.wall()
    const opened = openEnvelope(envelope, this.#trust, nowMs)
    if (!opened.ok) return opened
    if (!isMeant(opened)) return { ok: false, why: 'otherCall' }
    const { subject } = opened.by
    const admission = isAtOnce
      ? await this.#nonces.admitAtOnce(subject, opened.command, nowMs)
      : await this.#nonces.admit(subject, opened.command, nowMs)
    if (admission === 'fresh') return opened
    return { ok: false, why: admission === 'full' ? 'noncesFull' : 'replayed' }
  }

  #told(refusal: ApiRefusal, caller: Caller, head: Head, verb: VerbName, why: string): ApiRefusal {
    const { path, from } = head
    const { code } = refusal
    if (verbs[verb].acts) this.onRefusedAct({ caller, verb, path, from, code, why })
    return refusal
  }

  #refuse(reason: DoorReason, refusal: ApiRefusal): ApiRefusal {
    this.#refused.add(reason)
    return refusal
  }
}

type OpenedCommand = Pick<Extract<Opened, { ok: true }>, 'command' | 'by'>

/** The command in a request, as bytes. */
export function signedIn({ headers }: Pick<ApiRequest, 'headers'>): Uint8Array | undefined {
  const header = headers[commandHeader]
  return header === undefined ? undefined : new Uint8Array(Buffer.from(header, 'base64url'))
}

function callerOf({ subject, name, roles }: Grant): Caller {
  return { id: subject, name, roles }
}

function envelopeIn(bytes: Uint8Array | undefined): Envelope | undefined {
  if (bytes === undefined) return undefined
  const read = decode(Envelope, bytes)
  return read.ok ? read.value : undefined
}

const notSignedIn = () =>
  new ApiRefusal(
    'notSignedIn',
    'the request does not show who asks, or not in a way that holds here',
    'ask with a key of this mesh (--key-file, --profile), and see that the clocks of both hosts are right; one that was good before is made anew with skein users rotate',
  )

const notAllowed = ({ name }: Caller, verb: VerbName) =>
  new ApiRefusal(
    'refused',
    `${name} may not do that: ${verb} takes the role ${verbs[verb].roles.join(' or ')}`,
    'ask somebody who may, or have the role granted with skein users add',
  )

const notAsSigned = () =>
  new ApiRefusal(
    'refused',
    'this changes something, and is not signed for this very call, or was asked before',
    'sign it anew, and see that the clocks of both hosts are right',
  )

const tooMuch = ({ name }: Caller) =>
  new ApiRefusal('overloaded', `${name} asks more than one person may`, 'try again in a moment')

const busy = () =>
  new ApiRefusal(
    'overloaded',
    'this agent has more commands to remember than it can',
    'try again in a minute, or ask another agent',
  )

/** By clocks that may differ, and as long after as a command lives. */
function isAbout(atMs: number, issuedMs: number): boolean {
  const { lifeMsMax, clockSkewMsMax } = envelopeLimits
  return atMs >= issuedMs - clockSkewMsMax && atMs <= issuedMs + lifeMsMax + clockSkewMsMax
}
