/** `skein runs explain`: why a stage waits, where it went and why there, or how it ended. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { RouteResponse } from '../api/routes.ts'
import { type Context, document } from './context.ts'
import { type Io, paint } from './io.ts'
import { plain } from './table.ts'

type Host = NonNullable<RouteResponse<'explainRun'>['stages'][number]['hosts']>[number]

function hostLine({ nodeName, refusals, score, reasons }: Host, io: Io): string {
  const against = refusals.map(({ message }) => message).join('; ')
  if (against !== '') return `${paint(io, 'red', '✗')} ${plain(nodeName)}: ${plain(against)}`
  const told = reasons.map(({ message, score: each }) => `${message} (${each.toFixed(2)})`)
  const sum = score === undefined ? '' : ` ${score.toFixed(2)}`
  return `${paint(io, 'green', '✓')} ${plain(nodeName)}${sum}: ${plain(told.join('; ')) || 'it could take it'}`
}

/** Those that could take it come first, the best of them first; the others by name. */
function byName(a: Host, b: Host): number {
  const isRefused = ({ refusals }: Host) => (refusals.length > 0 ? 1 : 0)
  if (isRefused(a) !== isRefused(b)) return isRefused(a) - isRefused(b)
  return isRefused(a) === 0 ? 0 : a.nodeName.localeCompare(b.nodeName, 'en', { numeric: true })
}

export async function explain(
  context: Context,
  run: string,
  stage: string | undefined,
  { item: only }: { item?: string },
): Promise<number> {
  const { client, io } = context
  const answer = await client.call('explainRun', {
    parameters: { run },
    query: {
      ...(stage === undefined ? {} : { stage }),
      ...(only === undefined ? {} : { item: Number(only) }),
    },
  })
  if (context.json) {
    document(context, answer)
    return exitCodes.done
  }
  const lines: string[] = []
  if (answer.why !== undefined) lines.push(`run ${plain(answer.run)}: ${plain(answer.why)}`)
  for (const { stage: name, item, state, why, chosen, policy, hosts = [] } of answer.stages) {
    const of = item === undefined ? name : `${name}[${item}]`
    const said = state === 'assigned' ? 'running' : state
    lines.push(`${paint(io, 'bold', plain(of))}  ${said}: ${plain(why)}`)
    if (chosen !== undefined) lines.push(`  ${plain(chosen)}`)
    if (policy !== undefined)
      lines.push(`  by the policy ${plain(policy)}, as it sees the hosts now:`)
    for (const host of hosts.toSorted(byName)) lines.push(`  ${hostLine(host, io)}`)
  }
  if (answer.more > 0) lines.push(`and ${answer.more} more stages; name the one that you mean`)
  if (lines.length > 0) io.out(`${lines.join('\n')}\n`)
  else if (!context.quiet) io.err('every stage of it has ended; skein runs show says how\n')
  return exitCodes.done
}
