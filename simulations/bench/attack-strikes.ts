/** Strikes that only wear an agent out: what is held open, and what is asked without a right. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { issuerIn } from '../../coordinator/host/mesh-keys.ts'
import { estopLimits } from '../../protocol/estop/limits.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { mintToken } from '../../protocol/identity/token.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { OwnStrike } from './attack-kinds.ts'
import { envelope, stopWord } from './fuzz-forgeries.ts'
import { ESTOP, type Session } from './fuzz-session.ts'

export const ownStrikes: Readonly<
  Record<OwnStrike, (session: Session, signal: AbortSignal) => Promise<void>>
> = { stopFlood, heldConnections, unsignedRequests, forgedTokens, heldRequests }

const HELD = 100
const DRIP_MS = 1_000
const REQUESTS = 200
const STOP_FRAMES = 400

/** As many words in each frame as may be, each with as many hands, and every hand is to be checked. */
async function stopFlood(session: Session): Promise<void> {
  const { entropy, target } = session
  const issuer = issuerIn(target.issuerKey)
  if (issuer === undefined) throw new Error('the target has no issuing key')
  const { connection, stream } = await session.fresh(ESTOP)
  const hands = Array.from({ length: estopLimits.handsMax }, () => {
    const forger = signerFromSeed(entropy.bytes(32))
    const { leaf } = session.credentialOf(forger, { kind: 'person', roles: ['admin'] }, forger)
    const credential = {
      leaf: { ...leaf, issuer: issuer.signer.id },
      issuer: issuer.certificate,
    }
    return { forger, credential }
  })
  await session.frames(stream, STOP_FRAMES, () => {
    const words = Array.from({ length: estopLimits.wordsPerFrameMax }, () => {
      const [{ forger, credential }] = hands as [(typeof hands)[number]]
      const { body } = stopWord(entropy, issuer.mesh, credential, forger)
      return { body, hands: hands.map((hand) => ({ ...hand, signature: noSignature })) }
    })
    return envelope(encode(EstopFrame, { kind: 'words', value: { words } }))
  })
  await session.heardOut(connection)
}

/** What costs the attacker nothing is still to be checked. */
const noSignature = new Uint8Array(64).fill(7)

function heldConnections(session: Session, signal: AbortSignal): Promise<void> {
  const { host, port } = session.target
  return hold(session, { host, port }, signal, () => session.entropy.bytes(1))
}

function heldRequests(session: Session, signal: AbortSignal): Promise<void> {
  const { hostname: host, port } = new URL(session.target.apiAddress)
  const words = 'GET /api/v1/status HTTP/1.1\r\nhost: x\r\nx: '
  let at = 0
  const next = () => Buffer.from(words[at++ % words.length] as string)
  return hold(session, { host, port: Number(port) }, signal, next)
}

/** Comes back wherever it is shown the door. */
async function hold(
  session: Session,
  where: { host: string; port: number },
  signal: AbortSignal,
  drip: () => Uint8Array,
): Promise<void> {
  const sockets = new Set<ReturnType<typeof connect>>()
  const drop = setInterval(() => {
    for (const socket of sockets) socket.write(drip())
    fill()
  }, DRIP_MS)
  const fill = (): void => {
    while (sockets.size < HELD) {
      session.sent++
      const socket = connect({ ...where, localAddress: session.from })
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
      socket.resume()
    }
  }
  fill()
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  clearInterval(drop)
  for (const socket of sockets) socket.destroy()
}

function unsignedRequests(session: Session): Promise<void> {
  return ask(session, () => ({}))
}

/** Right in all that is looked at first; only the signature under the certificate is nobody's. */
async function forgedTokens(session: Session): Promise<void> {
  const { apiAddress, issuerKey } = session.target
  const signer = signerFromSeed(session.entropy.bytes(32))
  const change = { kind: 'person', roles: ['admin'] } as const
  const credential = session.credentialOf(signer, change, signer)
  const mesh = issuerIn(issuerKey)?.mesh ?? ''
  const issuedMs = Date.now()
  const wish = { mesh, audience: new URL(apiAddress).host, issuedMs, expiresMs: issuedMs + 30_000 }
  const issuer = credential.issuer as NonNullable<typeof credential.issuer>
  const leaf = {
    ...credential.leaf,
    issuer: issuerIn(issuerKey)?.signer.id ?? credential.leaf.issuer,
  }
  const token = await mintToken(wish, { leaf, issuer }, signer)
  await ask(session, () => ({ authorization: `Bearer ${token}` }))
}

async function ask(session: Session, headers: () => Record<string, string>): Promise<void> {
  const { apiAddress } = session.target
  const paths = ['/api/v1/status', '/api/v1/runs', '/metrics', '/nothing']
  for (let i = 0; i < REQUESTS; i++) {
    session.sent++
    await new Promise<void>((resolve) => {
      const asked = request(new URL(paths[i % paths.length] as string, apiAddress), {
        headers: headers(),
        localAddress: session.from,
      })
      asked.on('response', (response) => {
        response.resume()
        response.on('close', () => resolve())
      })
      asked.on('error', () => resolve())
      asked.end()
    })
  }
}
