/** Five real agents that learn together: in seconds, and also when some of them are killed meanwhile. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FederatedRound, Federation } from '../../coordinator/api/federation-routes.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { lookIn } from './looking.ts'
import { runSkeinIn } from './skein.ts'

interface Node {
  readonly name: string
  readonly pid: number
  readonly apiAddress: string
}

const home = mkdtempSync(join(tmpdir(), 'skein-federate-'))
const directory = join(home, 'mesh')
const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)
const look = (...args: string[]) => lookIn({ SKEIN_HOME: home }, ...args)
const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))

before(async () => {
  const up = await skein('up', '--nodes', '5', '--detach', '--dir', directory)
  assert.equal(up.code, exitCodes.done, up.err)
  const items = Array.from({ length: 100 }, (_, i) => i)
  const file = join(home, 'w.yaml')
  writeFileSync(
    file,
    `apiVersion: skein/v1
kind: Workflow
name: learnt
stages:
  short: { forEach: { items: [${items}] }, run: [sleep, "0.01"] }
  longer: { forEach: { items: [${items}] }, run: [sh, -c, "sleep 0.1"] }
`,
  )
  const ran = await skein('run', file, '--quiet', ...at())
  assert.equal(ran.code, exitCodes.done, ran.err)
  // Hosts come to vote one by one, and without a copy of the ledger nobody is asked into a round.
  while ((await ledgerSeenBy(nodes()[0])).voters.length < 5) await turn(200)
})

after(async () => {
  await skein('down', '--dir', directory)
  rmSync(home, { recursive: true, force: true })
})

function nodes(): readonly Node[] {
  return JSON.parse(readFileSync(join(directory, 'mesh.json'), 'utf8')).nodes as Node[]
}

function at(of = nodes()[0]): string[] {
  return ['--address', of?.apiAddress ?? '', '--key-file', join(directory, 'operator.key')]
}

function roundsIn(out: string): FederatedRound[] {
  const lines = out.split('\n').filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as { round: FederatedRound }).round)
}

async function standing(of: Node | undefined): Promise<Federation> {
  const { out, err } = await look('federate', 'status', '--json', ...at(of))
  assert.ok(out !== '', err)
  return JSON.parse(out) as Federation
}

async function ledgerSeenBy(
  asked: Node | undefined,
): Promise<{ leader: string; voters: string[] }> {
  const { out } = await look('status', '--json', ...at(asked))
  return (JSON.parse(out) as { ledger: { leader: string; voters: string[] } }).ledger
}

async function leaderSeenBy(asked: Node | undefined): Promise<string> {
  return (await ledgerSeenBy(asked)).leader
}

/** Kills that process while rounds are under way, and does not wait for the rest of them. */
async function killAmidst(victim: Node, asked: Node): Promise<void> {
  const child = spawn(
    process.execPath,
    [launcher, 'federate', 'round', '--count', '12', '--json', ...at(asked)],
    { env: { ...process.env, SKEIN_HOME: home }, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const isOver = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let said = ''
  let isKilled = false
  child.stdout.on('data', (chunk) => {
    said += chunk
    if (isKilled || !/"state":"open".*\n.*"state":"open"/s.test(said)) return
    isKilled = true
    process.kill(victim.pid, 'SIGKILL')
    child.kill('SIGINT')
  })
  await isOver
  assert.ok(isKilled, said)
}

async function untilNothingIsAwaited(asked: Node): Promise<void> {
  for (;;) {
    const { awaited, round } = await standing(asked)
    if (awaited === 0 && round?.state !== 'open') return
    await turn(200)
  }
}

/** Hosts may be worse off with what came of a round, by what little they hold back: then it is none. */
const roundsUntilKeptMax = 5
let roundsUntilKept = 0

test('a round of five agents takes seconds and few bytes, and is kept', async () => {
  let round: FederatedRound | undefined
  while (round?.state !== 'kept' && roundsUntilKept < roundsUntilKeptMax) {
    const { code, out, err } = await skein('federate', 'round', '--json', ...at())
    assert.equal(code, exitCodes.done, err + out)
    roundsUntilKept++
    round = roundsIn(out).at(-1) as FederatedRound
    assert.ok(round.state === 'kept' || round.state === 'rejected', round.why)
    const counted = round.hosts.filter((host) => host.counted)
    assert.equal(counted.length, 5, JSON.stringify(round.hosts))
    assert.ok(round.upBytesMax <= federationLimits.roundBytesMax, String(round.upBytesMax))
    assert.ok(round.downBytesMax <= federationLimits.roundBytesMax, String(round.downBytesMax))
  }
  assert.equal(round?.state, 'kept', round?.why)
})

let roundsOfTrees = 0

test('five agents grow trees together, and from then on take turns with the network', async () => {
  const args = ['--family', 'trees', '--count', '2', '--json', ...at()]
  const ended: FederatedRound[] = []
  const keptBeforeLast = () => ended.slice(0, -1).findIndex(({ state }) => state === 'kept')
  while (keptBeforeLast() < 0 && ended.length < 2 * roundsUntilKeptMax) {
    const { code, out, err } = await skein('federate', 'round', ...args)
    assert.equal(code, exitCodes.done, err + out)
    const two = roundsIn(out).filter(({ state }) => state !== 'open')
    assert.deepEqual(
      two.map(({ family }) => family),
      ['trees', 'trees'],
    )
    ended.push(...two)
    roundsOfTrees += two.length
  }
  const kept = keptBeforeLast()
  assert.ok(kept >= 0, ended.at(-1)?.why)
  const [first, second] = ended.slice(kept) as [FederatedRound, FederatedRound]
  assert.equal(second.base, first.candidate)
  for (const { upBytesMax, downBytesMax, hosts } of ended) {
    assert.ok(Math.max(upBytesMax, downBytesMax) <= federationLimits.roundBytesMax)
    assert.equal(hosts.filter(({ counted }) => counted).length, 5)
  }
  const shown = await skein('model', 'show', first.candidate as string, ...at())
  assert.match(shown.out, /trees +1 tree that hosts grew together/)
  const chosen = await skein('federate', 'config', '--family', 'both', ...at())
  assert.match(chosen.out, /^family +the network and trees in turn$/m)
})

test('an agent that is killed in the middle does not stop those that follow', async () => {
  const [first, ...others] = nodes() as [Node, ...Node[]]
  const leader = await leaderSeenBy(first)
  const victim = others.findLast(({ name }) => name !== leader) as Node
  await killAmidst(victim, first)
  await untilNothingIsAwaited(first)
  const told = await skein('federate', 'history', '--last', '200', '--json', ...at(first))
  const { rounds } = JSON.parse(told.out) as { rounds: FederatedRound[] }
  assert.equal(rounds.length, roundsUntilKept + roundsOfTrees + 12)
  assert.equal(rounds.filter(({ family }) => family === 'trees').length, roundsOfTrees + 6)
  assert.ok(rounds.every(({ state }) => state !== 'failed'))
  // Whoever looks after this mesh starts it again; until then they did without it.
  const isWithout = ({ hosts }: FederatedRound) =>
    !hosts.some(({ name, counted }) => counted && name === victim.name)
  assert.ok(rounds.some(isWithout))
  assert.ok(rounds.filter(isWithout).some(({ hosts }) => hosts.some(({ counted }) => counted)))
})

test('when the leader is killed in the middle the next one goes on with what was asked for', async () => {
  const named = nodes()
  const leader = await leaderSeenBy(named[0])
  const victim = named.find(({ name }) => name === leader) as Node
  const asked = named.slice(0, -1).find(({ name }) => name !== leader) as Node
  await killAmidst(victim, asked)
  await untilNothingIsAwaited(asked)
  const { code, out: told, err } = await skein('federate', 'round', '--json', ...at(asked))
  assert.ok(code === exitCodes.done || code === exitCodes.partly, err)
  const round = roundsIn(told).at(-1)
  assert.ok(round && round.state !== 'failed', round?.why)
  const { rounds } = JSON.parse(
    (await skein('federate', 'history', '--json', ...at(asked))).out,
  ) as { rounds: FederatedRound[] }
  // All that were asked for were done, beside those that were lost with their leader.
  const done = rounds.filter(({ state }) => state !== 'failed')
  assert.ok(done.length >= 13)
  for (const { state, why } of rounds) if (state === 'failed') assert.match(why, /leader was lost/)
})
