/**
 * Ways out of the directories that stages, artifacts and people's files are given: in the words of a
 * workflow, in what other hosts name, and by links that a stage plants or changes meanwhile.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ArtifactError } from '../../agent/artifacts/errors.ts'
import { routes } from '../../coordinator/api/routes.ts'
import { routeAt } from '../../coordinator/api/routing.ts'
import { run } from '../../coordinator/cli/program.ts'
import { blobOf, digestOf } from '../../protocol/artifacts/hashes.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type RealHost, withStores } from '../artifacts/real-hosts.ts'
import { adasEnvironment } from '../cli/key.ts'
import { type Answer, fakeAgent, refuses, says, Terminal } from '../cli/stage.ts'
import { temporaryDirectory } from '../ports/temporary-directory.ts'
import { mistakesIn, parsed, withStages } from '../workflow/stage.ts'
import { assignmentsOf, type Ran, StageHost } from './real-stage.ts'

const SECRET = 'what no stage is given'

// ── In the words of a workflow ──────────────────────────────────────────────────────────────────

test('a pattern of artifacts does not lead out of the directory of its stage', () => {
  const withPattern = (pattern: string) =>
    withStages(`  a: { run: [true], artifacts: [${JSON.stringify(pattern)}] }\n`)
  parsed(withPattern('dist/**'))
  for (const pattern of [
    '../secret',
    'a/../../secret',
    '/etc/passwd',
    '..',
    '!../secret',
    'a//b',
    'x'.repeat(5_000),
  ]) {
    assert.ok(mistakesIn(withPattern(pattern)).length > 0, pattern)
  }
})

test('names of stages, events and workflows are no paths', () => {
  const names = ['../a', 'a/b', '/a', '..', 'a\0', '-a', 'a b', '', 'x'.repeat(500)]
  for (const name of names) {
    mistakesIn(withStages(`  ${JSON.stringify(name)}: { run: [true] }\n`))
  }
})

// ── By a stage ──────────────────────────────────────────────────────────────────────────────────

function planted(t: TestContext) {
  const host = new StageHost(t)
  const outside = join(temporaryDirectory(t), 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), SECRET)
  for (const name of ['skein-output.json', 'skein-progress']) {
    writeFileSync(join(outside, name), `{"secret":"${SECRET}"}`)
  }
  const before = readdirSync(outside)
  const stage = async (script: string, whileRunning?: () => Promise<void>): Promise<Ran> => {
    const text = withStages(`  a: { run: ${JSON.stringify(script)} }\n`)
    const assignment = assignmentsOf(text, {}).get('a') ?? assert.fail('an assignment')
    const ran = await host.run({ ...assignment, env: { OUTSIDE: outside } }, whileRunning)
    assert.ok(!JSON.stringify(ran).includes(SECRET), JSON.stringify(ran))
    assert.deepEqual(readdirSync(outside), before, 'nothing is made and nothing is removed')
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), SECRET)
    for (const name of ['skein-output.json', 'skein-progress']) {
      assert.ok(readFileSync(join(outside, name), 'utf8').includes(SECRET), name)
    }
    return ran
  }
  return { host, stage }
}

const plants: Readonly<Record<string, string>> = {
  'a link for its outputs': 'ln -s "$OUTSIDE/secret" "$SKEIN_OUTPUT"',
  'a link to JSON for its outputs': 'ln -s "$OUTSIDE/skein-output.json" "$SKEIN_OUTPUT"',
  'a directory for its outputs': 'mkdir "$SKEIN_OUTPUT"',
  'a pipe for its outputs': 'mkfifo "$SKEIN_OUTPUT"',
  'a device for its outputs': 'ln -s /dev/zero "$SKEIN_OUTPUT"',
  'a link for its directory': 'd=$PWD; cd /; rm -rf "$d"; ln -s "$OUTSIDE" "$d"',
}

for (const [what, script] of Object.entries(plants)) {
  test(`a stage that leaves ${what} is read through nothing`, async (t) => {
    const { stage } = planted(t)
    const { end } = await stage(script)
    assert.equal(end.kind === 'failed' && end.code, 'badOutput', JSON.stringify(end))
  })
}

test('a stage that leaves links among its files has them removed, and not what is behind them', async (t) => {
  const { host, stage } = planted(t)
  const directory = host.nextDirectory
  const script = 'ln -s "$OUTSIDE" out; ln -s / root; mkdir d; ln -s ../.. d/up; chmod 0 d'
  const { end } = await stage(script)
  assert.equal(end.kind, 'succeeded')
  assert.ok(!existsSync(directory))
})

test('what a stage makes of its file for progress while it runs is not written through', async (t) => {
  const { host, stage } = planted(t)
  const directory = host.nextDirectory
  const script = 'ln -s "$OUTSIDE/skein-progress" "$SKEIN_PROGRESS"; touch planted; sleep 0.3'
  const { said } = await stage(script, async () => {
    while (!existsSync(join(directory, 'planted'))) await new Promise((go) => setTimeout(go, 5))
  })
  assert.equal(said, undefined)
})

// ── While files are taken in and put in place ───────────────────────────────────────────────────

const forever = () => new AbortController().signal

/** Meanwhile the directory `d` turns into a link to elsewhere and back, as fast as it can. */
async function whileSwapped(directory: string, elsewhere: string, work: () => Promise<void>) {
  const end = join(elsewhere, '..', 'end')
  const script = 'while [ ! -e "$2" ]; do mv d real; ln -s "$1" d; rm d; mv real d; done'
  const args = ['-c', script, 'sh', elsewhere, end]
  const child = spawn('sh', args, { cwd: directory, stdio: 'ignore' })
  const closed = once(child, 'close')
  try {
    await work()
  } finally {
    writeFileSync(end, '')
    await closed
  }
}

async function orRefused<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    assert.ok(error instanceof ArtifactError, String(error))
    return undefined
  }
}

test('a directory that turns into a link while files are taken in gives none of what is behind it', async () => {
  await withStores(1, async ([host]) => {
    const { store, directory, kept } = host as RealHost
    const elsewhere = join(kept, 'elsewhere')
    for (const path of [elsewhere, join(directory, 'd')]) mkdirSync(path)
    writeFileSync(join(elsewhere, 'name'), SECRET)
    writeFileSync(join(directory, 'd', 'name'), 'mine')
    const manifests = new Set<string>()
    await whileSwapped(directory, elsewhere, async () => {
      for (let round = 0; round < 60; round++) {
        const request = { run: `r${round}`, directory, patterns: ['d/**', 'real/**'] }
        const made = await orRefused(store.collect(request))
        if (made !== undefined && made.files > 0) manifests.add(made.manifest)
      }
    })
    assert.ok(manifests.size > 0, 'some were taken in')
    for (const [number, manifest] of [...manifests].entries()) {
      const into = join(kept, `into${number}`)
      mkdirSync(into)
      await store.fetch({ manifest: manifest as never, holders: [], into, signal: forever() })
      for (const name of readdirSync(into)) {
        assert.equal(readFileSync(join(into, name, 'name'), 'utf8'), 'mine')
      }
    }
  })
})

test('a directory that turns into a link while files are put in place takes none of them elsewhere', async () => {
  await withStores(1, async ([host]) => {
    const { store, directory, kept } = host as RealHost
    mkdirSync(join(directory, 'd'))
    for (let i = 0; i < 5; i++) writeFileSync(join(directory, 'd', `f${i}`), `content ${i}`)
    const { manifest } = await store.collect({ run: 'r1', directory, patterns: ['d/**'] })
    const [into, elsewhere] = [join(kept, 'into'), join(kept, 'elsewhere')]
    for (const path of [into, elsewhere, join(into, 'd')]) mkdirSync(path)
    let placed = 0
    await whileSwapped(into, elsewhere, async () => {
      for (let round = 0; round < 60; round++) {
        const done = await orRefused(
          store.fetch({ manifest, holders: [], into, signal: forever() }),
        )
        if (done !== undefined) placed++
      }
    })
    assert.ok(placed > 0, 'some were put in place')
    assert.deepEqual(readdirSync(elsewhere), [])
  })
})

// ── At a person's own machine ───────────────────────────────────────────────────────────────────

const content = Buffer.from('overwritten')

/** An agent that has files of whatever names for whoever asks. */
function offering(stage: string, path: string, bytes = content.length): Answer {
  const hash = blobOf(content.length, digestOf(content)).hash
  const hosts = [{ node: 'n1', nodeName: 'n1' }]
  const list = { manifest: 'a'.repeat(64), files: 1, bytes, hosts, ...hosts[0] }
  const documents: Record<string, object> = {
    runArtifacts: {
      run: 'r1',
      lists: [
        { ...list, stage: 'first' },
        { ...list, stage },
      ],
    },
    artifactFiles: { known: true, files: [{ path, bytes, executable: true, content: hash }] },
    artifactPiece: { known: true, base64: content.toString('base64') },
  }
  return (request, response) => {
    const found = routeAt(request.method ?? '', (request.url ?? '').split('?')[0] ?? '')
    const told = found && documents[found.name]
    if (found === undefined || told === undefined) {
      return refuses(404, 'notFound')(request, response)
    }
    const whole = routes[found.name].response.parse({ schemaVersion: 1, ...told })
    says(JSON.stringify(whole))(request, response)
  }
}

async function saved(t: TestContext, answer: Answer, plant?: (to: string) => void) {
  const around = temporaryDirectory(t)
  const to = join(around, 'a', 'to')
  mkdirSync(to, { recursive: true })
  plant?.(to)
  const { address } = await fakeAgent(t, [answer])
  const io = new Terminal()
  io.env = adasEnvironment()
  const args = ['runs', 'artifacts', 'r1', '--to', to, '--address', address]
  const code = await run(args, {} as Parameters<typeof run>[1], io)
  const list = (path: string) => readdirSync(path, { recursive: true }).map(String).sort()
  return { code, to, inside: list(to), around: list(around).filter((n) => !n.startsWith('a')), io }
}

test('files of a run are saved below the directory that was named, whatever an agent calls them', async (t) => {
  const good = await saved(t, offering('second', 'sub/name'))
  assert.equal(good.code, exitCodes.done, good.io.talk)
  assert.ok(good.inside.includes(join('second', 'sub', 'name')))
  const bad: [string, string][] = [
    ['second', '../name'],
    ['second', '/name'],
    ['second', 'a/../../../name'],
    ['second', 'a\0b'],
    ['second', 'n'.repeat(300)],
    ['..', 'name'],
    ['../..', 'name'],
    ['/etc', 'name'],
    ['a/b', 'name'],
    ['', 'name'],
    ['.', 'name'],
    ['x\0', 'name'],
  ]
  for (const [stage, path] of bad) {
    const { code, inside, around, io } = await saved(t, offering(stage, path))
    const what = `${stage} ${path.slice(0, 20)}`
    assert.notEqual(code, exitCodes.done, what)
    assert.match(io.talk, /cannot be saved/, what)
    assert.deepEqual(around, [], what)
    const others = inside.filter((name) => !name.startsWith('first'))
    assert.deepEqual(others, [], what)
  }
})

test('a file that is said to be of no lawful size is not begun', async (t) => {
  for (const bytes of [2 ** 60, -1, 1.5]) {
    const { code, io } = await saved(t, offering('second', 'name', bytes))
    assert.notEqual(code, exitCodes.done)
    assert.match(io.talk, /cannot be saved/, `${bytes}`)
  }
})
