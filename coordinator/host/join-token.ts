/** The token of `skein agent join`, as it was typed, pasted or piped. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import {
  type JoinToken,
  type JoinTokenFault,
  parseJoinToken,
} from '../../protocol/joining/token.ts'
import { Problem } from '../../protocol/problem.ts'

export async function tokenFrom(given: string): Promise<JoinToken> {
  const read = parseJoinToken(given === '-' ? await fromStdin() : given)
  if (read.ok) return read.token
  const [why, fix] = words[read.why]
  throw new Problem({ code: read.why, why, fix, exitCode: exitCodes.usage })
}

const words: Readonly<Record<JoinTokenFault, readonly [why: string, fix: string]>> = {
  notAToken: [
    'that is no join token',
    'paste the line that skein token create has printed; it begins with skein1.',
  ],
  otherVersion: [
    'that token is of another version of Skein',
    'install the version that the mesh runs (skein --version there)',
  ],
  damaged: [
    'the token is cut or mistyped',
    'copy the whole line again, or pipe it: skein agent join -',
  ],
}

async function fromStdin(): Promise<string> {
  let text = ''
  for await (const piece of process.stdin) {
    text += String(piece)
    if (text.length > 2 * joinLimits.textLengthMax) break
  }
  return text
}
