/** What people do to a real mesh is in its audit log, and nobody takes it out again unseen. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { MeshFile } from '../../simulations/mesh/layout.ts'
import { lookIn } from './looking.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-audit-'))
const file = join(home, 'audit.jsonl')
const WAIT_MS = 120_000

const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)

async function json<T>(...args: string[]): Promise<T> {
  const { out, err } = await lookIn({ SKEIN_HOME: home }, '--json', ...args)
  assert.notEqual(out, '', err)
  return JSON.parse(out) as T
}

interface Told {
  whole: boolean
  checks: {
    node: string
    verdict: {
      last: number
      upheldTo: number
      upheldBy: string[]
      findings: { kind: string; sequence?: number; from?: number; to?: number; by?: string[] }[]
    }
  }[]
}

before(async () => {
  const { code, err } = await skein('up', '--nodes', '3', '--detach')
  assert.equal(code, 0, err)
})
after(async () => {
  await skein('down', '--yes')
  rmSync(home, { recursive: true, force: true })
})

test('acts are in the log with who, what, from where and what came of it', async () => {
  assert.equal((await skein('nodes', 'label', 'n2', 'zone=north')).code, 0)
  assert.equal((await skein('nodes', 'drain', 'n3', '--reason', 'new disk')).code, 0)
  assert.equal((await skein('nodes', 'undrain', 'n3')).code, 0)
  assert.notEqual((await skein('nodes', 'undrain', 'n3')).code, 0)
  interface Entry {
    verb: string
    object: string
    actor: string
    from: string
    reason?: string
    outcome: string
  }
  const { entries } = await json<{ entries: Entry[] }>('audit', 'ls', '--verb', 'node')
  const told = entries.map(({ verb, outcome }) => `${verb} ${outcome}`)
  assert.deepEqual(told, ['node.drain notFound', 'node.drain ok', 'node.drain ok', 'node.label ok'])
  assert.equal(entries[2]?.reason, 'new disk')
  assert.equal(entries[2]?.object, 'n3: drain')
  assert.match(entries[2]?.from ?? '', /^127\.0\.0\.1 at n1/)
  const leads = await json<{ entries: Entry[] }>('audit', 'ls', '--verb', 'ledger.lead')
  assert.ok(leads.entries.length > 0, 'also what the mesh has decided by itself')
})

test('what the control API could not make sense of is counted, and told of in the log', async () => {
  const { nodes } = JSON.parse(readFileSync(join(home, 'mesh.json'), 'utf8')) as MeshFile
  const { apiAddress } = nodes[0] ?? assert.fail('there is one')
  const { port } = new URL(apiAddress)
  for (let i = 0; i < 3; i++) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.end('garbage\r\n\r\n')
    const [said] = await once(socket, 'data')
    assert.match(String(said), /^HTTP\/1\.1 400 .*this is not HTTP/s)
  }
  const deadlineMs = performance.now() + WAIT_MS
  interface Entry {
    detail?: string
  }
  const isTold = async () => {
    const { entries } = await json<{ entries: Entry[] }>('audit', 'ls', '--verb', 'attempts.refuse')
    return entries.some(({ detail = '' }) => /\bapi httpMalformed [123]\b/.test(detail))
  }
  while (!(await isTold())) {
    assert.ok(performance.now() < deadlineMs, 'it is told of')
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
})

test('the log is whole on every agent, and others have signed for it', async () => {
  const deadlineMs = performance.now() + WAIT_MS
  for (;;) {
    const told = await json<Told>('audit', 'verify')
    assert.ok(told.whole, JSON.stringify(told))
    const signed = told.checks.every(
      ({ verdict }) => verdict.upheldTo === verdict.last && verdict.upheldBy.length === 3,
    )
    if (signed && told.checks.length === 3) return
    assert.ok(performance.now() < deadlineMs, JSON.stringify(told))
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
})

test('an export proves itself, and a flipped byte or a cut tail in it is found and named', async () => {
  assert.equal((await skein('audit', 'export', file)).code, 0)
  assert.equal((await skein('audit', 'export', file)).code, exitCodes.conflict)
  assert.equal((await skein('audit', 'verify', '--file', file)).code, 0)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const parsed = lines.map((line) => JSON.parse(line) as { kind: string; sequence: number })
  const entries = parsed.filter(({ kind }) => kind === 'entry')
  const verify = async (changed: readonly string[]) => {
    const copy = join(home, 'copy.jsonl')
    writeFileSync(copy, `${changed.join('\n')}\n`)
    const { code, out } = await skein('--json', 'audit', 'verify', '--file', copy)
    return { code, told: JSON.parse(out) as Told }
  }
  const target = entries[2]
  assert.ok(target)
  const at = parsed.indexOf(target)
  for (const field of ['body', 'hash', 'actor']) {
    const entry = { ...JSON.parse(lines[at]!) } as Record<string, string>
    const text = entry[field] as string
    entry[field] = `${text.startsWith('a') ? 'b' : 'a'}${text.slice(1)}`
    const flipped = lines.with(at, JSON.stringify(entry))
    const { code, told } = await verify(flipped)
    assert.equal(code, exitCodes.failed, field)
    const [finding] = told.checks[0]!.verdict.findings
    assert.equal(finding?.kind, 'changed', field)
    assert.equal(finding?.sequence, target.sequence, field)
  }
  const cut = await verify(lines.slice(0, -2))
  assert.equal(cut.code, exitCodes.failed)
  const last = entries.at(-1)!.sequence
  const [finding] = cut.told.checks[0]!.verdict.findings
  assert.deepEqual([finding?.kind, finding?.from, finding?.to], ['cut', last - 1, last])
  assert.deepEqual(finding?.by?.length, 3, 'it says whose heads tell of them')
  const unsigned = await verify(lines.filter((_, i) => parsed[i]?.kind !== 'head'))
  assert.equal(unsigned.code, exitCodes.partly, 'what nobody has signed for is not proven')
})

test('a later export goes on from an earlier one, or it is said what is missing in between', async () => {
  const { code, err } = await skein('audit', 'verify', '--file', file, file)
  assert.equal(code, 0, err)
})
