/**
 * How a person signs in to look: a JSON Web Token (EdDSA) that the person's own key has signed a
 * moment ago, for one mesh and one address, good for a minute at most. It carries the credential, so
 * that no agent has to know anybody, and there is no password and no session to be stolen.
 *
 * A token is for looking. What changes something comes in an envelope besides, and once.
 */
import { decode, encode } from '../wire/codec.ts'
import { type Grant, grantIn } from './certificate.ts'
import { believe, Credential, type CredentialFault, type Trust } from './credential.ts'
import { tokenLimits } from './limits.ts'
import { type PeerId, verify } from './peer-id.ts'

export type TokenFault = CredentialFault | 'livesTooLong' | 'otherAudience' | 'notAPerson'

export type OpenedToken =
  /**
   * It is good until then, and only for as long as none of the certificates is taken back: the
   * holder's, and behind it that of the issuing key.
   */
  | { ok: true; by: Grant; serials: readonly string[]; expiresMs: number }
  | { ok: false; why: TokenFault }

export interface TokenWish {
  mesh: string
  /** Where it is to be shown: host and port as they stand in the request. */
  audience: string
  issuedMs: number
  expiresMs: number
}

/** A signature may take its time: the key may be in another process, behind a question to its owner. */
export interface SlowSigner {
  readonly id: PeerId
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
}

const header = base64url(JSON.stringify({ alg: 'EdDSA', typ: 'JWT' }))

export async function mintToken(
  { mesh, audience, issuedMs, expiresMs }: TokenWish,
  credential: Credential,
  signer: SlowSigner,
): Promise<string> {
  const claims = {
    iss: signer.id,
    aud: audience,
    iat: issuedMs / 1_000,
    exp: expiresMs / 1_000,
    mesh,
    credential: base64url(encode(Credential, credential)),
  }
  const signed = `${header}.${base64url(JSON.stringify(claims))}`
  return `${signed}.${base64url(await signer.sign(Buffer.from(signed)))}`
}

/**
 * Who shows it. Never throws. What costs nothing is looked at first, signatures last: a stranger
 * who has no certificate of this mesh costs a hash.
 */
export function openToken(
  token: string,
  audience: string,
  trust: Trust,
  nowMs: number,
): OpenedToken {
  const parts = token.length <= tokenLimits.lengthMax ? token.split('.') : []
  const [head, body, signature] = parts
  if (parts.length !== 3 || head !== header || !body || !signature) return fault('malformed')
  const claims = claimsIn(body)
  if (claims === undefined) return fault('malformed')
  const { issuedMs, expiresMs } = claims
  if (claims.mesh !== trust.mesh) return fault('foreignMesh')
  if (claims.audience !== audience) return fault('otherAudience')
  if (expiresMs - issuedMs > tokenLimits.lifeMsMax || expiresMs <= issuedMs) {
    return fault('livesTooLong')
  }
  if (nowMs >= expiresMs) return fault('expired')
  if (nowMs + tokenLimits.clockSkewMsMax < issuedMs) return fault('notYetValid')
  const believed = believe(claims.credential, trust, nowMs)
  if (!believed.ok) return believed
  const { holder } = believed
  if (holder.kind !== 'person') return fault('notAPerson')
  const bytes = Buffer.from(`${head}.${body}`)
  if (!verify(holder.subject, bytes, Buffer.from(signature, 'base64url'))) {
    return fault('badSignature')
  }
  const { issuer } = claims.credential
  const above = issuer === undefined ? undefined : grantIn(issuer)
  const grants = above === undefined ? [holder] : [holder, above]
  return {
    ok: true,
    by: holder,
    serials: grants.map(({ serial }) => serial),
    expiresMs: Math.min(expiresMs, ...grants.map(({ notAfterMs }) => notAfterMs)),
  }
}

interface Claims {
  mesh: unknown
  audience: unknown
  issuedMs: number
  expiresMs: number
  credential: Credential
}

function claimsIn(body: string): Claims | undefined {
  let claims: Record<string, unknown>
  try {
    claims = { ...JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) }
  } catch {
    return undefined
  }
  const { iat, exp, aud, mesh, credential } = claims
  if (typeof iat !== 'number' || typeof exp !== 'number' || typeof credential !== 'string') {
    return undefined
  }
  if (!Number.isFinite(iat) || !Number.isFinite(exp)) return undefined
  const read = decode(Credential, Buffer.from(credential, 'base64url'))
  if (!read.ok) return undefined
  const times = { issuedMs: iat * 1_000, expiresMs: exp * 1_000 }
  return { mesh, audience: aud, ...times, credential: read.value }
}

function base64url(content: string | Uint8Array): string {
  return Buffer.from(content as string).toString('base64url')
}

function fault(why: TokenFault): OpenedToken {
  return { ok: false, why }
}
