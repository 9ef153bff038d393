/** What hosts say of themselves in gossip, and what they could say of others. */
import {
  type Digest,
  labelsHash,
  packProfile,
  profileHash,
  sealWith,
} from '../../protocol/membership/digest.ts'
import type { CarriedDigest, MembershipFrame } from '../../protocol/membership/messages.ts'
import type { Intruder } from '../matrix/intruders.ts'

/** A digest of that host, signed by it; or by the first in the name of the other. */
export function carried(by: Intruder, change: Partial<Digest> = {}): CarriedDigest {
  const { signer, verify } = by.ports
  const packed = packProfile({
    owner: signer.id,
    name: by.host.name,
    addresses: [by.host.address],
    labels: {},
    agentVersion: '0.1.0',
    platform: 'linux',
    cores: 2,
    memoryBytes: 1_000,
    incarnation: 1,
  })
  const digest: Digest = {
    owner: signer.id,
    incarnation: 1_000,
    sequence: 1,
    left: false,
    wireVersion: 1,
    agentVersion: '0.1.0',
    profileHash: profileHash(packed),
    labelsHash: labelsHash({}),
    localHealth: 0,
    runningAttempts: 0,
    intervalMs: 1_000,
    ...change,
  }
  const { owner, incarnation, sequence } = digest
  const signedBy = sealWith({ sign: (bytes) => signer.sign(bytes), verify }).seal(digest)
  return { owner, incarnation, sequence, signed: signedBy, ageMs: 0 }
}

export const gossip = (...digests: CarriedDigest[]): MembershipFrame => ({
  kind: 'gossip',
  value: { news: { claims: [], digests } },
})
