/** Telling a peer that it was taken back, so that its people can find out. Nothing is taken from it. */
import { Farewell } from '../../protocol/identity/introduction.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Network } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { trustLimits } from './limits.ts'
import { introductionPurpose } from './purposes.ts'

/** `over`: when it has heard it, or will not hear it. */
export function bidFarewell(
  { clock, network }: { clock: Clock; network: Network },
  peer: PeerId,
  word: Uint8Array,
  over: () => void,
): void {
  const deadline = new AbortController()
  const end = (): void => {
    timer.cancel()
    deadline.abort()
    over()
  }
  const timer = clock.after(trustLimits.farewellMs, end)
  network.open(peer, introductionPurpose, deadline.signal).then((stream) => {
    stream.onFrame = () => {}
    stream.onClose = end
    stream.send(encode(Farewell, { word }))
  }, end)
}
