/**
 * A public key as SSH writes it (RFC 8709, RFC 4253), so that a person can have a key certified that
 * they made themselves and that never leaves their ssh-agent. Ed25519 and nothing else: a signature
 * by such a key is the very same as one by ours.
 */
import { publicKeyBytes, signatureBytes, sshKeyLimits } from './limits.ts'
import { type PeerId, peerIdFromPublicKey, publicKeyOf } from './peer-id.ts'

export const sshKeyType = 'ssh-ed25519'

/** A line of a `.pub` file. Undefined for all that is none, or is of another kind. */
export function peerIdInSshKey(line: string): PeerId | undefined {
  if (line.length > sshKeyLimits.lineLengthMax) return undefined
  const [type, text = ''] = line.trim().split(/\s+/)
  const bytes = Buffer.from(text, 'base64')
  if (type !== sshKeyType || bytes.toString('base64') !== text) return undefined
  const key = pairIn(bytes, publicKeyBytes)
  return key && peerIdFromPublicKey(key)
}

export function sshKeyOf(id: PeerId): string {
  return `${sshKeyType} ${Buffer.from(sshKeyBlob(id)).toString('base64')}`
}

/** How an ssh-agent is told which key is meant. */
export function sshKeyBlob(id: PeerId): Uint8Array {
  return new Uint8Array(
    Buffer.concat([sshString(Buffer.from(sshKeyType)), sshString(publicKeyOf(id))]),
  )
}

/** As an ssh-agent returns it; undefined where that is none by such a key. */
export function signatureInSsh(blob: Uint8Array): Uint8Array | undefined {
  return pairIn(blob, signatureBytes)
}

export function sshString(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return new Uint8Array(Buffer.concat([length, bytes]))
}

/** What a string of SSH at this place says; undefined where it does not end in time. */
export function sshStringAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (at + 4 > bytes.length) return undefined
  const length = Buffer.from(bytes.subarray(at, at + 4)).readUInt32BE(0)
  return at + 4 + length > bytes.length ? undefined : bytes.subarray(at + 4, at + 4 + length)
}

/** Our type, and then so many bytes, and nothing else. */
function pairIn(bytes: Uint8Array, length: number): Uint8Array | undefined {
  const type = sshStringAt(bytes, 0)
  if (type === undefined || Buffer.from(type).toString('latin1') !== sshKeyType) return undefined
  const at = 4 + type.length
  const value = sshStringAt(bytes, at)
  const isWhole = value?.length === length && at + 4 + length === bytes.length
  return isWhole ? new Uint8Array(value) : undefined
}
