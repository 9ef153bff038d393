/**
 * A wish about rounds, said once more where its answer was lost: it names what was wished before, as
 * this command saw it, so that it counts once whichever of its tries arrived.
 */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { type Context, sleep } from './context.ts'

/** Enough for an election in between. */
const TRIES = 3
const PAUSE_MS = 1_000

export async function wished<T>(
  { client, interrupted }: Context,
  say: (seen: number) => Promise<T>,
): Promise<T> {
  const { seen } = await client.call('federation')
  for (let left = TRIES - 1; ; left--) {
    try {
      return await say(seen)
    } catch (error) {
      const isLost = error instanceof Problem && error.exitCode === exitCodes.noAnswer
      if (!isLost || left === 0 || interrupted.aborted) throw error
      await sleep(PAUSE_MS, interrupted)
    }
  }
}
