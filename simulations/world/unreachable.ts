/** Why a simulated peer was not reached, in words, and attempts that their caller gives up. */
import { Unreachable, type UnreachableCode } from '../../protocol/ports/network.ts'

const words: Record<UnreachableCode, string> = {
  unknownAddress: 'no address of it is usable',
  refused: 'it refuses connections: is its agent running?',
  timedOut: 'it did not answer in time',
  handshakeFailed: 'it answers, but not in words we understand',
  wrongPeer: 'another host answers at its address',
  purposeUnsupported: 'it does not offer this purpose',
  limitReached: 'there are too many connections or streams',
  banned: 'it is banned by this host',
  aborted: 'reaching it was given up',
}

export function unreachable(code: UnreachableCode, target: string): Unreachable {
  return new Unreachable(code, `${target}: ${words[code]}`)
}

/** The attempt goes on by itself when its caller has given up; what it brings is disposed of. */
export function unlessGivenUp<T>(
  signal: AbortSignal,
  target: string,
  attempt: () => Promise<T>,
  dispose: (late: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      const late = signal.reason instanceof Error && signal.reason.name === 'TimeoutError'
      reject(unreachable(late ? 'timedOut' : 'aborted', target))
    }
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    const settle = () => signal.removeEventListener('abort', giveUp)
    attempt().then(
      (value) => {
        settle()
        if (signal.aborted) dispose(value)
        else resolve(value)
      },
      (error: unknown) => {
        settle()
        reject(error)
      },
    )
  })
}
