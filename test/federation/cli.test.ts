/** `skein model evaluate --federated`: one small folder through all of it, and what is refused. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { run } from '../../coordinator/cli/program.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { Terminal } from '../cli/stage.ts'

async function evaluating(...args: string[]): Promise<{ code: number; io: Terminal }> {
  const io = new Terminal()
  const words = ['model', 'evaluate', ...args]
  return { code: await run(words, {} as Parameters<typeof run>[1], io), io }
}

function folder(t: TestContext, hosts: number): string {
  const path = mkdtempSync(join(tmpdir(), 'skein-federated-'))
  t.after(() => rmSync(path, { recursive: true }))
  const chance = new SeededEntropy('rows')
  const lines = Array.from({ length: hosts * 60 }, (_, i) => {
    const startedMs = i * 100_000
    const bytes = Math.round(Math.exp(8 + 8 * chance.unit()))
    return `t${i % 3},${startedMs},${startedMs + Math.round(Math.sqrt(bytes))},h${i % hosts},${bytes}`
  })
  writeFileSync(
    join(path, 'all.csv'),
    ['task,startedMs,endedMs,host,inputBytes', ...lines].join('\n'),
  )
  return path
}

test('federated, centralised and local-only stand side by side, and promises are judged', async (t) => {
  const path = folder(t, 7)
  const args = ['--traces', path, '--federated', '--rounds', '3', '--byzantine', '2', '--kill', '1']
  const { code, io } = await evaluating(...args, '--json')
  assert.equal(code, exitCodes.done, io.talk)
  const told = JSON.parse(io.said)
  assert.equal(told.schemaVersion, 1)
  assert.equal(told.by, 'host')
  assert.equal(told.clients.length, 7)
  assert.equal(told.clients.filter(({ lies }: { lies: boolean }) => lies).length, 2)
  assert.equal(told.killed.length, 1)
  const trained = new Set(told.lines.map((line: { trained: string }) => line.trained))
  assert.ok(['centralised', 'local-only', 'federated'].every((one) => trained.has(one)))
  for (const { value, goal, holds } of told.promises) assert.equal(holds, value <= goal)
  assert.equal(told.promises.length, 11)
  const grown = new Set(told.trees.lines.map((line: { trained: string }) => line.trained))
  assert.ok(['centralised', 'local-only', 'federated'].every((one) => grown.has(`trees, ${one}`)))
  for (const { value, goal, holds } of told.trees.promises) assert.equal(holds, value <= goal)
  assert.equal(told.trees.promises.length, 10)
  assert.ok(told.trees.rounds.upBytesMax > 1_000 && told.trees.trees > 0)
  const lossOf = (name: string) =>
    told.lines.find(({ trained }: { trained: string }) => trained === name).errors.pinballLog
  const [bare] = told.lieCosts
  assert.equal(bare.honestAlone, lossOf('federated, without 2'))
  assert.equal(bare.allHonest, lossOf('federated, all honest'))
  assert.equal(bare.withLies, lossOf('federated, 2 sign-flip'))
  const besideAlone = told.promises.find(
    ({ promise }: { promise: string }) => promise === 'sign-flip beside the honest alone',
  )
  assert.equal(besideAlone.value, bare.withLies / bare.honestAlone - 1)
  assert.deepEqual(
    [...told.lieCosts, ...told.trees.lieCosts].map(({ trained, isCorrected, isUsed }) => [
      trained,
      isCorrected ? 'corrected' : isUsed ? 'used' : 'bare',
    ]),
    ['federated', 'trees'].flatMap((trained) =>
      ['bare', 'corrected', 'used'].map((way) => [trained, way]),
    ),
  )
  const again = JSON.parse((await evaluating(...args, '--json')).io.said)
  assert.deepEqual({ ...again, seconds: 0 }, { ...told, seconds: 0 })
  const { io: eyes } = await evaluating('--traces', path, '--federated', '--rounds', '1')
  assert.match(eyes.said, /PROMISED/)
  assert.match(eyes.said, /trees, federated/)
  assert.doesNotMatch(eyes.said, /HONEST ALONE/)
  const { io: lied } = await evaluating(...args)
  const cells = [bare.allHonest, bare.honestAlone, bare.withLies].map((loss) => loss.toFixed(4))
  assert.match(lied.said, /HONEST ALONE/)
  assert.match(lied.said, /^federated, as used +\d/m)
  assert.match(lied.talk, /federated …\n {2}round 1 of 3\n/)
  assert.match(lied.said, new RegExp(`^federated +${cells.join(' +')}`, 'm'))
})

test('with several seeds it is told what comes of each, and how far apart they are by chance alone', async (t) => {
  const args = ['--traces', folder(t, 7), '--federated', '--rounds', '2', '--byzantine', '2']
  const one = async (...more: string[]) =>
    JSON.parse((await evaluating(...args, ...more, '--json')).io.said)
  const told = await one('--seeds', '1,2,3')
  const { schemaVersion: _, refused: __, ...second } = await one('--seed', '2')
  assert.deepEqual({ ...told.seeds[1], seconds: 0 }, { ...second, seconds: 0 })
  const names = [...second.promises, ...second.trees.promises].map(({ promise }) => promise)
  assert.deepEqual(
    told.promises.map(({ promise }: { promise: string }) => promise),
    names,
  )
  for (const { values, least, median, most, goal, holds, holdsWith } of told.promises) {
    assert.deepEqual(
      [least, median, most],
      values.toSorted((a: number, b: number) => a - b),
    )
    assert.equal(holds, median <= goal)
    assert.equal(holdsWith, values.filter((value: number) => value <= goal).length)
  }
  const federated = told.spread.find(({ trained }: { trained: string }) => trained === 'federated')
  assert.ok(federated.least < 0 && federated.most > 0, 'other draws give another model')
  const { io: eyes } = await evaluating(...args, '--seeds', '1,2')
  assert.match(eyes.said, /^seeds 1, 2$/m)
  assert.match(eyes.said, /^sign-flip beside all honest .*(yes|no) \([012] of 2 seeds\)$/m)
  for (const seed of [1, 2]) {
    for (const trained of ['federated', 'federated, as used', 'trees', 'trees, corrected']) {
      assert.match(eyes.said, new RegExp(`^ *${seed}  ${trained} +[-+\\d]`, 'm'))
    }
  }
  assert.match(eyes.said, /^trees, federated +(-\d\.\d|0\.0)% +\+\d/m)
})

test('a folder that gives few clients is taken as it is', async (t) => {
  for (const hosts of [3, 4]) {
    const flags = ['--traces', folder(t, hosts), '--federated', '--rounds', '1', '--json']
    const { code, io } = await evaluating(...flags)
    assert.equal(code, exitCodes.done, io.talk)
    const { clients, course } = JSON.parse(io.said)
    assert.equal(clients.length, hosts)
    assert.equal(course.liarsMax, hosts - 3)
  }
})

test('noise has an epsilon, and no votes that would not be covered by it', async (t) => {
  const path = folder(t, 7)
  const flags = ['--traces', path, '--federated', '--rounds', '2', '--noise', '2', '--json']
  const { io } = await evaluating(...flags)
  const { epsilon, course, trees } = JSON.parse(io.said)
  assert.deepEqual(trees, { leftOut: 'noise' })
  assert.equal(course.votes, false)
  assert.ok(epsilon.others > 0 && epsilon.leader > epsilon.others)
})

test('what cannot be done is refused in words', async (t) => {
  const path = folder(t, 7)
  const refusals: [string[], number, RegExp][] = [
    [['--federated', '--rule', 'median'], exitCodes.usage, /masks hide/],
    [['--federated', '--byzantine', '4'], exitCodes.usage, /more than half/],
    [['--federated', '--rule', 'best'], exitCodes.usage, /rule/],
    [['--byzantine', '2'], exitCodes.usage, /--federated/],
    [['--seeds', '1,2'], exitCodes.usage, /--federated/],
    [['--federated', '--seeds', '1,2', '--seed', '3'], exitCodes.usage, /--seed/],
    [['--federated', '--seeds', '1,2,1'], exitCodes.usage, /twice/],
    [['--federated', '--seeds', '1,x'], exitCodes.usage, /whole number/],
    [['--federated', '--split', 'time'], exitCodes.usage, /--split/],
  ]
  for (const [args, code, why] of refusals) {
    const told = await evaluating('--traces', path, ...args)
    assert.equal(told.code, code, args.join(' '))
    assert.match(told.io.talk, why)
  }
  const dead = await evaluating('--traces', folder(t, 3), '--federated', '--kill', '1')
  assert.equal(dead.code, exitCodes.usage)
  assert.match(dead.io.talk, /3 at least/)
  const few = await evaluating('--traces', folder(t, 2), '--federated')
  assert.equal(few.code, exitCodes.notFound)
  assert.match(few.io.talk, /2 clients/)
})
