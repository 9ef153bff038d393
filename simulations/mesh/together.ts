/** Waits until every agent of a local mesh sees every other, by asking each of them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { LocalNode } from './layout.ts'
import { look } from './looking.ts'

const ASK_EVERY_MS = 50
const ASK_DEADLINE_MS = 1_000
const LOG_LINES_SHOWN = 5

export interface Ended {
  node: LocalNode
  how: string
}

/** Rejects when an agent ends first, or when the deadline passes. Returns early on the signal. */
export async function untilAllSeeAll(
  nodes: readonly LocalNode[],
  deadlineMs: number,
  signal: AbortSignal,
  firstEnd: () => Ended | undefined,
): Promise<void> {
  const deadline = performance.now() + deadlineMs
  const waiting = new Set(nodes)
  while (waiting.size > 0 && !signal.aborted) {
    const ended = firstEnd()
    if (ended) throw endedEarly(ended)
    await Promise.all(
      [...waiting].map(async (node) => {
        if ((await aliveSeenBy(node)) >= nodes.length) waiting.delete(node)
      }),
    )
    if (waiting.size === 0) return
    if (performance.now() > deadline) {
      const names = [...waiting].map(({ name }) => name).join(', ')
      throw new Problem({
        code: 'notTogether',
        why: `${names} did not see all ${nodes.length} agents in ${deadlineMs / 1_000} s`,
        fix: `read ${join([...waiting][0]?.dataDirectory ?? '', 'agent.log')}`,
        exitCode: exitCodes.noAnswer,
      })
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
  }
}

/** How many nodes with a name and a load this agent sees alive; 0 while it does not answer. */
async function aliveSeenBy(node: LocalNode): Promise<number> {
  try {
    const response = await look(node, '/api/v1/nodes', AbortSignal.timeout(ASK_DEADLINE_MS))
    const { nodes } = (await response.json()) as { nodes: { state: string; platform: string }[] }
    return nodes.filter(({ state, platform }) => state === 'alive' && platform !== 'unknown').length
  } catch {
    return 0
  }
}

function endedEarly({ node, how }: Ended): Problem {
  const logFile = join(node.dataDirectory, 'agent.log')
  let tail = ''
  try {
    tail = lastWords(readFileSync(logFile, 'utf8'))
      .map((line) => `\n  ${line}`)
      .join('')
  } catch {
    tail = ''
  }
  return new Problem({
    code: 'agentEnded',
    why: `${node.name} ${how} before the mesh was up${tail}`,
    fix: `read ${logFile}`,
    exitCode: exitCodes.failed,
  })
}

/** What an agent wrote last, as people read it: what went wrong, if it says so, and no stack. */
export function lastWords(log: string): string[] {
  const lines = log.trimEnd().split('\n').slice(-LOG_LINES_SHOWN).map(wordOf)
  const wrong = lines.filter(({ isWrong }) => isWrong)
  return (wrong.length > 0 ? wrong : lines).map(({ text }) => text)
}

function wordOf(line: string): { text: string; isWrong: boolean } {
  try {
    const { level, msg, why } = JSON.parse(line) as Record<string, unknown>
    const [first = ''] = typeof why === 'string' ? why.split('\n') : []
    const isWrong = level === 'error' || level === 'fatal'
    return { text: [msg, first].filter(Boolean).join(': '), isWrong }
  } catch {
    return { text: line, isWrong: line.startsWith('skein: ') }
  }
}
