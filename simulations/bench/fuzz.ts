/**
 * `skein bench fuzz`: one real agent, attacked over its real transport by a peer that has the swarm
 * key and keeps no rule, while an honest neighbour and a person go on asking for it.
 */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { attack } from './fuzz-attack.ts'
import { type FuzzKind, fuzzKinds } from './fuzz-kinds.ts'
import { type FuzzResult, figuresOf, isCounted } from './fuzz-verdict.ts'
import { report } from './report.ts'

export interface FuzzOptions {
  seconds: string
  seed: string
  json: boolean
}

export async function benchFuzz(options: FuzzOptions): Promise<number> {
  const result = await attack({
    seconds: Number(options.seconds),
    seed: options.seed,
    onProgress: (text) => tell(`${text}\n`),
  })
  const title = `fuzz, seed ${options.seed}, ${options.seconds} s`
  if (!options.json) tellKinds(result)
  const code = report(title, figuresOf(result), options.json)
  for (const line of complaints(result)) tell(`  ${line}\n`)
  if (!options.json) {
    const verdict = code === exitCodes.done ? 'survived' : 'DID NOT SURVIVE'
    process.stdout.write(`verdict: the agent ${verdict}\n`)
  }
  return code
}

/** Each kind with what became of it when it was sent alone. */
function tellKinds(result: FuzzResult): void {
  for (const tally of result.tallies) {
    const counts = Object.entries(tally.counted).map(([reason, count]) => `${reason} ${count}`)
    const answered = fuzzKinds[tally.kind as FuzzKind].length === 0 ? 'refuted' : 'NOT COUNTED'
    const counted = isCounted(tally) && counts.length > 0 ? counts.join(', ') : answered
    const visits = `${tally.visits} visits`.padEnd(13)
    const sent = `${tally.sent} sent`.padEnd(14)
    process.stdout.write(`  ${tally.kind.padEnd(20)} ${visits} ${sent} alone: ${counted}\n`)
  }
}

function complaints({ unanswered, doubts, failures }: FuzzResult): string[] {
  return [
    ...unanswered.slice(0, 5).map((what) => `unanswered: ${what}`),
    ...doubts.slice(0, 5).map((what) => `the witness: ${what}`),
    ...failures.map((what) => `a visit failed: ${what}`),
  ]
}

function tell(text: string): void {
  process.stderr.write(text)
}
