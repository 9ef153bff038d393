/** All that the desk holds, told to a new leader in as many frames as it takes. */
import { workLimits } from '../../protocol/work/limits.ts'
import type { HeldAttempt, Inventory } from '../../protocol/work/messages.ts'
import { type Held, inInventory } from './held.ts'

/** Of one entry, at most: two names, their letters once, and figures. */
const ENTRY_BYTES = workLimits.runIdBytesMax + workLimits.stageNameBytesMax + 64

const perFrameMax = Math.min(
  workLimits.attemptsPerFrameMax,
  Math.floor(workLimits.frameItemsBytesMax / ENTRY_BYTES),
)

export function inventoryFrames(
  all: Iterable<Held>,
  answers: { term: number; serial: number },
  nowMs: number,
): Inventory[] {
  const entries: HeldAttempt[] = []
  for (const held of all) entries.push(inInventory(held, nowMs))
  const frames: Inventory[] = []
  do {
    const held = entries.splice(0, perFrameMax)
    frames.push({ ...answers, held, last: entries.length === 0 })
  } while (entries.length > 0)
  return frames
}
