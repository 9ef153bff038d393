/**
 * How the command line says who asks: with every call a token of a minute, with every act a command
 * signed for just this call. The key is opened when the first call needs it, and once.
 */
import { randomBytes } from 'node:crypto'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { callDigest } from '../../protocol/identity/call-digest.ts'
import { type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { Envelope, sealedEnvelope } from '../../protocol/identity/envelope.ts'
import { envelopeLimits, tokenLimits } from '../../protocol/identity/limits.ts'
import { shortMeshId } from '../../protocol/identity/mesh-id.ts'
import { mintToken, type SlowSigner } from '../../protocol/identity/token.ts'
import type { VerbName } from '../../protocol/identity/verbs.ts'
import { Problem } from '../../protocol/problem.ts'
import { encode } from '../../protocol/wire/codec.ts'

/** A key that is ready to sign, and what makes it somebody's. */
export interface OpenKey {
  readonly signer: SlowSigner
  readonly credential: Credential
  /** Where it comes from, for people. */
  readonly from: string
}

/** A call that changes something: under which name, and to what. */
export interface Act {
  readonly verb: VerbName
  readonly object: string
  readonly body: Uint8Array
}

/** How long a signed command may be on its way. */
const COMMAND_LIFE_MS = 45_000
/** A token with less than this to live is not begun with. */
const TOKEN_REST_MS = 10_000

export class SignIn {
  readonly #open: () => Promise<OpenKey>
  #key: Promise<OpenKey & { holder: Grant }> | undefined
  readonly #tokens = new Map<string, { token: Promise<string>; expiresMs: number }>()

  /** `open` may ask for a passphrase, or throw a `Problem`. */
  constructor(open: () => Promise<OpenKey>) {
    this.#open = open
  }

  /** Who it signs in. */
  async holder(): Promise<Grant> {
    return (await this.#opened()).holder
  }

  /** To sign what is more than a call. */
  key(): Promise<OpenKey & { holder: Grant }> {
    return this.#opened()
  }

  /** The headers that a call is sent with; without an act, it is for looking. */
  async headers(url: URL, method: string, act?: Act): Promise<Record<string, string>> {
    const authorization = `Bearer ${await this.#tokenFor(url.host)}`
    if (act === undefined) return { host: url.host, authorization }
    return { host: url.host, authorization, 'skein-command': await this.#command(url, method, act) }
  }

  /** Why an agent does not take this key, where that can be told from here. */
  async whyNot(challenge: string | undefined): Promise<Problem | undefined> {
    const { holder, from } = await this.#opened()
    const theirs = /realm="skein ([0-9a-f]+)"/.exec(challenge ?? '')?.[1]
    const ours = shortMeshId(holder.mesh)
    if (theirs !== undefined && theirs !== ours) {
      return notTaken(
        `the agent is of mesh ${theirs}, and the key in ${from} is of mesh ${ours}`,
        'name the key of that mesh with --key-file or --profile, or another agent with --address',
      )
    }
    if (Date.now() < holder.notAfterMs) return undefined
    return notTaken(
      `the certificate of ${holder.name} in ${from} has expired`,
      'have it renewed with skein users rotate',
    )
  }

  #opened(): Promise<OpenKey & { holder: Grant }> {
    this.#key ??= this.#open().then((key) => {
      const holder = grantIn(key.credential.leaf)
      if (holder !== undefined && holder.subject === key.signer.id) return { ...key, holder }
      throw notTaken(`the credential in ${key.from} is not of its key`, 'have it made anew')
    })
    return this.#key
  }

  #tokenFor(audience: string): Promise<string> {
    const nowMs = Date.now()
    const known = this.#tokens.get(audience)
    if (known !== undefined && known.expiresMs - nowMs > TOKEN_REST_MS) return known.token
    const expiresMs = nowMs + tokenLimits.lifeMsMax
    const token = this.#opened().then(({ signer, credential, holder: { mesh } }) =>
      mintToken({ mesh, audience, issuedMs: nowMs, expiresMs }, credential, signer),
    )
    this.#tokens.set(audience, { token, expiresMs })
    return token
  }

  async #command(url: URL, method: string, { verb, object, body }: Act): Promise<string> {
    const { signer, credential, holder } = await this.#opened()
    const issuedMs = Date.now()
    const call = { method, path: url.pathname, query: url.search.slice(1), body }
    const command = {
      mesh: holder.mesh,
      verb,
      object,
      payload: callDigest(call),
      nonce: new Uint8Array(randomBytes(envelopeLimits.nonceBytes)),
      issuedMs,
      expiresMs: issuedMs + COMMAND_LIFE_MS,
    }
    const envelope = await sealedEnvelope(command, credential, signer)
    return Buffer.from(encode(Envelope, envelope)).toString('base64url')
  }
}

function notTaken(why: string, fix: string): Problem {
  return new Problem({ code: 'notSignedIn', why, fix, exitCode: exitCodes.refused })
}
