/** Where streams of a purpose are bounded otherwise than most: a frame too long is refused by its length. */
import { artifactPurpose } from '../protocol/artifacts/messages.ts'
import { artifactStreamLimits } from './artifacts/limits.ts'
import { estopLinkLimits, estopPurpose } from './estop/limits.ts'
import { joinStreamLimits } from './joining/limits.ts'
import { membershipFrameBytesMax, membershipPurpose } from './membership/service.ts'
import type { PurposeLimits } from './network/limits.ts'
import { trustLimits } from './trust/limits.ts'
import { introductionPurpose, joinPurpose } from './trust/purposes.ts'

export const streamLimits: Readonly<Record<string, Partial<PurposeLimits>>> = {
  [joinPurpose]: joinStreamLimits,
  [artifactPurpose]: artifactStreamLimits,
  [introductionPurpose]: { frameBytesMax: trustLimits.frameBytesMax },
  [membershipPurpose]: { frameBytesMax: membershipFrameBytesMax },
  [estopPurpose]: { frameBytesMax: estopLinkLimits.frameBytesMax },
}
