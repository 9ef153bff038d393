/** Our part of an introduction: we say who we are, and hear who the other is. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { type Network, type Stream, Unreachable } from '../../protocol/ports/network.ts'
import { trustLimits } from './limits.ts'
import { introductionPurpose } from './purposes.ts'

/** Connects first, if need be. Rejects with `Unreachable`, also when we are not believed there. */
export async function introduceTo(
  { clock, network }: { clock: Clock; network: Network },
  peer: PeerId,
  ours: Uint8Array,
): Promise<Uint8Array> {
  const deadline = new AbortController()
  let stream: Stream | undefined
  const timer = clock.after(trustLimits.introductionMs, () => {
    deadline.abort()
    stream?.abort('closedHere')
  })
  try {
    const opened = await network.open(peer, introductionPurpose, deadline.signal)
    stream = opened
    return await new Promise<Uint8Array>((resolve, reject) => {
      opened.onFrame = resolve
      opened.onClose = () => reject(new Unreachable('refused', `${peer} did not say who it is`))
      opened.send(ours)
    })
  } finally {
    timer.cancel()
    stream?.close()
  }
}
