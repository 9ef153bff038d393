/** How consensus uses the disk and the network. */
import { type LinkLimits, linkLimits, type Quotas } from '../links/limits.ts'

/**
 * On a host that only follows, and where nobody waits for what is committed. Who begins to watch there
 * finds a state that is older by so much at most; under load so many come at once, and wait for nothing.
 */
export const gatheringLimits = { entriesMax: 8, waitMsMax: 20 } as const

/** Streams of its own: votes and entries never wait behind gossip. */
export const purpose = '/skein/consensus/1'

/** Entries of one block. A larger write is several blocks of one batch. */
export const blockBytesMax = 512 * 1024

/** Bytes of one record of a snapshot. */
export const chunkBytes = 256 * 1024

/** Records of a snapshot that are deleted in one batch. */
export const deletesPerBatch = 256

/** Copies that are set aside on one disk. The oldest gives way to the next. */
export const asidesMax = 4

/** Such a copy is made in batches of about so much. */
export const copyBytesPerBatch = 1024 * 1024

/** The longest append with its envelope is a frame, and a window of them may wait for one peer. */
export const consensusLinkLimits: LinkLimits = {
  ...linkLimits,
  frameBytesMax: 1_088 * 1_024,
  queueBytesMax: 16 * 1024 * 1024,
}

/** A leader with all its clients, or a follower that catches up, is no flood. */
export const consensusQuotas: Quotas = {
  framesPerSecond: 20_000,
  framesBurst: 40_000,
  bytesPerSecond: 128 * 1024 * 1024,
  bytesBurst: 256 * 1024 * 1024,
  pauseMsMin: 1,
}
