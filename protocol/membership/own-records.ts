/** This node's own word: its digest and its profile, which nobody else may write. */
import type { PeerId } from '../identity/peer-id.ts'
import type { Digest, LedgerRecord, LoadRecord, Profile, Seal } from './digest.ts'
import { labelsHash, packProfile, profileHash } from './digest.ts'
import { limits } from './limits.ts'
import { digestBytes } from './repair.ts'
import type { HeldDigest } from './rumours.ts'

export interface SelfDescription {
  id: PeerId
  seal: Seal
  profile: Omit<Profile, 'owner' | 'incarnation'>
  wireVersion: number
  /** Higher than in any earlier life of this node, as far as its disk remembers. */
  incarnation: number
}

export class OwnRecords {
  left = false
  load: LoadRecord | undefined
  runningAttempts = 0
  ledger: LedgerRecord | undefined
  digest!: Digest
  held!: HeldDigest
  packedProfile!: Uint8Array
  incarnation: number
  private readonly self: SelfDescription
  private description: SelfDescription['profile']
  private sequence = 0
  private profileHash!: Uint8Array
  private labelsHash!: Uint8Array

  constructor(self: SelfDescription, nowMs: number) {
    this.self = self
    this.incarnation = self.incarnation
    this.description = self.profile
    this.describe(self.profile)
    this.write(nowMs, limits.digestIntervalMs, 0)
  }

  get profile(): Profile {
    return { ...this.description, owner: this.self.id, incarnation: this.incarnation }
  }

  describe(profile: SelfDescription['profile']): void {
    this.description = profile
    this.packedProfile = packProfile(this.profile)
    this.profileHash = profileHash(this.packedProfile)
    this.labelsHash = labelsHash(profile.labels)
  }

  /** Above whatever was said of this node, or in its name. */
  outrun(incarnation: number): void {
    this.incarnation = incarnation + 1
    this.sequence = 0
  }

  /** Whether something that others act upon is no longer as the digest tells it. */
  hasNews(localHealth: number): boolean {
    const { digest, runningAttempts, load, ledger } = this
    return (
      digest.runningAttempts !== runningAttempts ||
      digest.localHealth !== localHealth ||
      digest.ledger !== ledger ||
      differs(digest.load, load)
    )
  }

  /** `intervalMs` is when the next one comes, at the latest. */
  write(nowMs: number, intervalMs: number, localHealth: number): void {
    const { self, load, ledger } = this
    this.sequence++
    this.digest = {
      owner: self.id,
      incarnation: this.incarnation,
      sequence: this.sequence,
      left: this.left,
      wireVersion: self.wireVersion,
      agentVersion: this.description.agentVersion,
      profileHash: this.profileHash,
      labelsHash: this.labelsHash,
      localHealth,
      runningAttempts: this.runningAttempts,
      intervalMs: Math.round(intervalMs),
      ...(load ? { load } : {}),
      ...(ledger ? { ledger } : {}),
    }
    const { owner, incarnation, sequence } = this.digest
    const signed = self.seal.seal(this.digest)
    const bytes = digestBytes(owner, signed)
    this.held = { owner, incarnation, sequence, signed, writtenMs: nowMs, bytes }
  }
}

function differs(told: LoadRecord | undefined, load: LoadRecord | undefined): boolean {
  if (told === undefined || load === undefined) return told !== load
  const by = (of: (record: LoadRecord) => number) => Math.abs(of(load) - of(told))
  return (
    by(({ cpuPermille }) => cpuPermille ?? 0) >= limits.newsOfCpuPermille ||
    by((each) => each.memoryUsedBytes) > limits.newsOfMemoryShare * load.memoryTotalBytes ||
    by((each) => each.diskAvailableBytes) > limits.newsOfDiskShare * load.diskTotalBytes ||
    by(({ loopLagMicros }) => loopLagMicros) >= limits.newsOfLoopLagMicros
  )
}
