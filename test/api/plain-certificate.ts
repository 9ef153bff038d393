/** A certificate as an operator brings one: for names, signed by its own key, and of no mesh. */
import { X509Certificate } from 'node:crypto'
import { contextTag, der, derTags, derTime } from '../../agent/http/der.ts'
import { privateKeyPem, publicKeyOf, signerFromSeed } from '../../protocol/identity/peer-id.ts'

const { sequence, set, integer, objectId, utf8, bitString, octetString } = derTags
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

export function plainCertificate(seed: Uint8Array, names: { dns: string; ip4: string }) {
  const signer = signerFromSeed(seed)
  const ed25519 = der(sequence, der(objectId, Buffer.from('2b6570', 'hex')))
  const bits = (bytes: Uint8Array) => der(bitString, Buffer.of(0), bytes)
  const id = (hex: string) => der(objectId, Buffer.from(hex, 'hex'))
  const name = der(sequence, der(set, der(sequence, id('550403'), der(utf8, Buffer.from('test')))))
  const alternatives = der(
    sequence,
    der(DNS_NAME, Buffer.from(names.dns)),
    der(IP_ADDRESS, Buffer.from(names.ip4.split('.').map(Number))),
  )
  const extensions = der(sequence, der(sequence, id('551d11'), der(octetString, alternatives)))
  const body = der(
    sequence,
    der(contextTag(0), der(integer, Buffer.of(2))),
    der(integer, Buffer.of(7)),
    ed25519,
    name,
    der(sequence, derTime(0), derTime(4e12)),
    name,
    der(sequence, ed25519, bits(publicKeyOf(signer.id))),
    der(contextTag(3), extensions),
  )
  const whole = der(sequence, body, ed25519, bits(signer.sign(body)))
  return { certificate: new X509Certificate(whole).toString(), key: privateKeyPem(seed) }
}
