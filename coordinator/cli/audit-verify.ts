/**
 * `skein audit verify`: whether the audit log is whole, by asking the mesh or, without it, by what an
 * export says of itself. What is wrong is named: which entry, and which agents' heads say so.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import {
  AuditCheck,
  type AuditFinding,
  type AuditVerdict,
} from '../../protocol/ledger/audit-check.ts'
import { isHeadOf, type PeerHead } from '../../protocol/ledger/audit-heads.ts'
import type { AuditMark } from '../../protocol/ledger/state.ts'
import { Problem } from '../../protocol/problem.ts'
import { ExportLine, entryIn, headIn, markRead } from '../audit/export-lines.ts'
import { type Context, document } from './context.ts'
import { ABSENT } from './figures.ts'
import { plain, table } from './table.ts'

interface Checked {
  node: string
  verdict?: AuditVerdict | undefined
  unanswered?: string | undefined
  /** Lines before the entries that are not what was written: heads that nobody has signed. */
  spoiled?: number
}

export async function verify(context: Context): Promise<number> {
  const answer = await context.client.call('auditCheck')
  if (context.json) document(context, answer)
  else tell(context, 'AGENT', answer.checks as Checked[])
  if (!answer.whole) return exitCodes.failed
  const silent = answer.checks.some(({ unanswered }) => unanswered !== undefined)
  return silent ? exitCodes.partly : exitCodes.done
}

/** The older first: each must go on from what the one before holds. */
export async function verifyFiles(context: Context, files: readonly string[]): Promise<number> {
  const checks: Checked[] = []
  let after: PeerHead | undefined
  for (const file of [...files].reverse()) {
    const { verdict, anchor, heads, spoiled } = await checkedFile(file, after)
    checks.unshift({ node: file, verdict: heads === 0 ? unproven(verdict) : verdict, spoiled })
    after = { peer: file as PeerId, ...anchorHead(anchor) }
  }
  const whole = checks.every(
    ({ verdict, spoiled }) => verdict?.findings.length === 0 && spoiled === 0,
  )
  const proven = checks.every(({ verdict }) => (verdict?.upheldBy.length ?? 0) > 0)
  if (context.json) document(context, { schemaVersion: 1, whole, proven, checks })
  else tell(context, 'FILE', checks)
  if (!whole) return exitCodes.failed
  if (proven) return exitCodes.done
  if (!context.quiet) {
    context.io.err('it fits itself, and no agent has signed for it: whoever wrote it may have\n')
  }
  return exitCodes.partly
}

function unproven(verdict: AuditVerdict): AuditVerdict {
  return { ...verdict, upheldTo: 0, upheldBy: [] }
}

function anchorHead({ sequence, hash }: AuditMark) {
  return { sequence, hash: Buffer.from(hash, 'latin1'), signature: new Uint8Array() }
}

/** `next`: what the export that follows says that this one holds. */
async function checkedFile(file: string, next: PeerHead | undefined) {
  let begin: Extract<ExportLine, { kind: 'begin' }> | undefined
  let check: AuditCheck | undefined
  let wrongWords: number | undefined
  const heads: PeerHead[] = []
  const names = new Map<string, string>()
  let sequence = 0
  let number = 0
  let spoiled = 0
  const input = createReadStream(file)
  const opened = new Promise<void>((resolve, reject) => {
    input.once('open', () => resolve()).once('error', reject)
  })
  await opened.catch((error: NodeJS.ErrnoException) => {
    throw unreadable(file, error.code === 'ENOENT' ? 'there is no such file' : error.message)
  })
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    const line = lineIn(text)
    if (line === undefined && begin !== undefined && check === undefined) {
      spoiled++
      continue
    }
    if (line === undefined && begin !== undefined) {
      // Whatever it was, it is no entry any more: the next one is not the one that should follow.
      wrongWords ??= sequence + 1
      sequence++
      continue
    }
    if (line?.kind === 'begin' && begin === undefined) begin = line
    else if (line === undefined || begin === undefined) throw unreadable(file, `line ${number}`)
    if (line.kind === 'head') {
      const head = headIn(line)
      if (isHeadOf(head)) heads.push(head)
      else spoiled++
      names.set(line.peer, line.name)
    }
    if (line.kind !== 'entry') continue
    if (check === undefined) {
      sequence = begin.after.sequence
      check = new AuditCheck(markRead(begin.after), [...heads, ...(next ? [next] : [])])
    }
    sequence++
    const { row, fits } = entryIn(line)
    if (!fits) wrongWords ??= sequence
    check.take(row)
  }
  if (begin === undefined) throw unreadable(file, 'it is empty')
  check ??= new AuditCheck(markRead(begin.after), heads)
  const verdict = check.finish(markRead(begin.head))
  const told = named(withWords(verdict, wrongWords), (id) => names.get(id) || id)
  return { verdict: told, anchor: markRead(begin.after), heads: heads.length, spoiled }
}

/** Words that are not those of the entry beside them count as a change of it. */
function withWords(verdict: AuditVerdict, sequence: number | undefined): AuditVerdict {
  const { findings } = verdict
  const known = findings.find(({ kind }) => kind === 'changed')
  if (sequence === undefined || (known?.kind === 'changed' && known.sequence <= sequence)) {
    return verdict
  }
  const rest = findings.filter((finding) => finding !== known)
  return { ...verdict, findings: [{ kind: 'changed', sequence, upheldBy: [] }, ...rest] }
}

function named(verdict: AuditVerdict, nameOf: (id: string) => string): AuditVerdict {
  const findings = verdict.findings.map(
    (finding): AuditFinding =>
      finding.kind === 'changed'
        ? { ...finding, upheldBy: finding.upheldBy.map(nameOf) }
        : { ...finding, by: finding.by.map(nameOf) },
  )
  return { ...verdict, findings, upheldBy: verdict.upheldBy.map(nameOf) }
}

function lineIn(text: string): ExportLine | undefined {
  try {
    return ExportLine.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function unreadable(file: string, what: string): Problem {
  return new Problem({
    code: 'unreadable',
    why: `${file} is no export of an audit log that could be read: ${what}`,
    fix: 'name a file that skein audit export has written',
    exitCode: exitCodes.failed,
  })
}

function tell({ io }: Context, title: string, checks: readonly Checked[]): void {
  const columns = [
    { title },
    { title: 'FIRST', right: true },
    { title: 'LAST', right: true },
    { title: 'SIGNED TO', right: true, leave: 2 },
    { title: 'BY', cutTo: 16, leave: 1 },
    { title: 'VERDICT' },
  ]
  const rows = checks.map(({ node, verdict, unanswered }) => [
    plain(node),
    verdict === undefined ? ABSENT : String(verdict.first),
    verdict === undefined ? ABSENT : String(verdict.last),
    verdict === undefined ? ABSENT : String(verdict.upheldTo),
    plain(verdict?.upheldBy.join(', ') ?? ''),
    verdict === undefined ? plain(unanswered ?? '') : verdictIn(verdict),
  ])
  io.out(`${table(columns, rows, io.columns())}\n`)
  for (const { node, verdict, spoiled = 0 } of checks) {
    if (spoiled > 0) io.out(`${plain(node)}: ${spoiled} heads in it are not what was signed\n`)
    for (const finding of verdict?.findings ?? []) {
      io.out(`${plain(node)}: ${plain(inWords(finding))}\n`)
    }
  }
}

function verdictIn({ findings }: AuditVerdict): string {
  return findings.length === 0 ? 'whole' : findings.map(({ kind }) => kind).join(', ')
}

function inWords(finding: AuditFinding): string {
  switch (finding.kind) {
    case 'changed': {
      const { sequence, upheldBy } = finding
      const chain = `; the chain around it is the one that ${upheldBy.join(', ')} signed`
      return `entry ${sequence} is not what was written${upheldBy.length > 0 ? chain : ''}`
    }
    case 'contradicted': {
      const { after, sequence, by } = finding
      return `it was written anew after entry ${after}: ${by.join(', ')} signed another entry ${sequence}`
    }
    case 'cut': {
      const { from, to, by } = finding
      const who = by.length > 0 ? `, the last of which ${by.join(', ')} had signed` : ''
      return `entries ${from} to ${to} are gone${who}`
    }
  }
}
