/** Where streams of a purpose are bounded otherwise than most: a frame too long is refused by its length. */
import { artifactPurpose } from '../protocol/artifacts/messages.ts'
import { artifactStreamLimits } from './artifacts/limits.ts'
import { estopStreamLimits } from './estop/limits.ts'
import { joinStreamLimits } from './joining/limits.ts'
import { membershipFrameBytesMax } from './membership/service.ts'
import type { PurposeLimits } from './network/limits.ts'
import { trustLimits } from './trust/limits.ts'
import {
  estopPurpose,
  introductionPurpose,
  joinPurpose,
  membershipPurpose,
} from './trust/purposes.ts'

export const streamLimits: Readonly<Record<string, Partial<PurposeLimits>>> = {
  [joinPurpose]: joinStreamLimits,
  [artifactPurpose]: artifactStreamLimits,
  [introductionPurpose]: { frameBytesMax: trustLimits.frameBytesMax },
  [membershipPurpose]: { frameBytesMax: membershipFrameBytesMax },
  [estopPurpose]: estopStreamLimits,
}
