/** Stages as real programs: what only a real host can show. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type Dirent, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { Assignment, AttemptReport, Finished } from '../../protocol/work/attempt.ts'
import type { WorkFrame } from '../../protocol/work/messages.ts'
import { whyNotInMemory } from '../ports/in-memory.ts'

interface LogPieceTold {
  at: number
  length: number
  text: string
}
type Told =
  | { kind: 'ready' }
  | { kind: 'reports'; value: { reports: AttemptReport[] } }
  | { kind: 'log'; pieces: LogPieceTold[] }

const WAIT_MS = 120_000
const LOOK_MS = 10
const program = new URL('./desk-program.ts', import.meta.url).pathname

/** A desk in a process of its own; every life of it on the same directory. */
class Desk {
  readonly directory = mkdtempSync(join(tmpdir(), 'skein-work-'))
  readonly reports: AttemptReport[] = []
  #child: ChildProcess | undefined
  #wake = Promise.withResolvers<void>()
  #ready = false
  #log: LogPieceTold[] | undefined
  #index = 0

  static async with(test: (desk: Desk) => Promise<void>, settings: object = {}): Promise<void> {
    const desk = new Desk()
    try {
      await desk.start(settings)
      await test(desk)
    } finally {
      await desk.kill()
      rmSync(desk.directory, { recursive: true, force: true })
    }
  }

  async start(settings: object = {}): Promise<void> {
    const owner = `t${process.pid}-${this.directory.slice(-6)}`
    const args = [program, this.directory, owner, JSON.stringify(settings)]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    this.#ready = false
    createInterface({ input: child.stdout! }).on('line', (line) => this.#hear(line))
    await this.until(() => this.#ready, 'the desk is ready')
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  say(what: { frame: WorkFrame } | { log: Assignment['id'] }): void {
    this.#child!.stdin!.write(`${JSON.stringify(what)}\n`)
  }

  assign(text: string, rest: Partial<Assignment> = {}): Assignment {
    const index = ++this.#index
    const assignment: Assignment = {
      id: { run: 'r1', stage: `s${index}`, attempt: 1 },
      fence: { term: 1, index },
      step: { kind: 'script', value: { shell: 'sh', text, variables: {} } },
      workflow: 'w',
      env: {},
      secrets: {},
      secretFiles: {},
      artifacts: [],
      artifactsFrom: [],
      timeouts: { graceMs: 200 },
      resources: { custom: {} },
      ...rest,
    }
    this.say({ frame: { kind: 'assign', value: { term: 1, assignments: [assignment] } } })
    return assignment
  }

  cancel({ id, fence }: Assignment): void {
    const attempts = [{ id, fence, reason: 'a test', atOnce: false }]
    this.say({ frame: { kind: 'cancel', value: { term: 1, attempts } } })
  }

  askInventory(): void {
    this.say({ frame: { kind: 'inventoryRequest', value: { term: 1, serial: 1 } } })
  }

  resultOf({ id }: Assignment): Finished | undefined {
    for (const { id: of, news } of this.reports) {
      if (of.stage === id.stage && news.kind === 'finished') return news.value
    }
    return undefined
  }

  async over(assignment: Assignment): Promise<Finished> {
    await this.until(
      () => this.resultOf(assignment) !== undefined,
      `${assignment.id.stage} is over`,
    )
    return this.resultOf(assignment) as Finished
  }

  async log({ id }: Assignment): Promise<LogPieceTold[]> {
    this.#log = undefined
    this.say({ log: id })
    await this.until(() => this.#log !== undefined, 'the log is told')
    return this.#log!
  }

  /** A name in the stage's shell, once its script has written it to a file. */
  async written(name: string): Promise<string> {
    const path = join(this.directory, name)
    const whole = () => existsSync(path) && readFileSync(path, 'utf8').endsWith('\n')
    await this.#seen(whole, `${name} is written`)
    return readFileSync(path, 'utf8').trim()
  }

  /** Once what a stage has said is in a file, and is there for the agent's next life. */
  async logged(text: string): Promise<void> {
    const work = join(this.directory, 'work')
    const files = () => readdirSync(work, { recursive: true, withFileTypes: true })
    const holds = ({ parentPath, name }: Dirent) =>
      readFileSync(join(parentPath, name), 'utf8') === text
    await this.#seen(() => files().some((file) => file.isFile() && holds(file)), `${text} is kept`)
  }

  async #seen(holds: () => boolean, what: string): Promise<void> {
    for (let tries = 0; !holds(); tries++) {
      assert.ok(tries * LOOK_MS < WAIT_MS, what)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    const late = () => this.#wake.reject(new Error(`in vain: ${what}`))
    const deadline = setTimeout(late, WAIT_MS)
    while (!holds()) await this.#wake.promise
    clearTimeout(deadline)
  }

  #hear(line: string): void {
    const told = JSON.parse(line) as Told
    if (told.kind === 'ready') this.#ready = true
    else if (told.kind === 'reports') this.reports.push(...told.value.reports)
    else if (told.kind === 'log') this.#log = told.pieces
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}

/** Alive, and no zombie that nobody waits for. */
function lives(pid: string): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

test('a script gets its values as variables, hands on outputs, and leaves no directory', async () => {
  await Desk.with(async (desk) => {
    const nasty = '$(touch /tmp/no) "quoted" `back`\nsecond line'
    const text = `printf '%s' "$VALUE" | sed 's/second/last/'
      printf '{"home":"%s","stage":"%s"}' "$PWD" "$SKEIN_STAGE" > "$SKEIN_OUTPUT"`
    const work = desk.assign(text, {
      step: { kind: 'script', value: { shell: 'sh', text, variables: { VALUE: nasty } } },
    })
    const { outcome, logTail, usage } = await desk.over(work)
    assert.ok(outcome.kind === 'succeeded', JSON.stringify(outcome))
    const outputs = JSON.parse(outcome.value.outputs!) as { home: string; stage: string }
    assert.equal(outputs.stage, work.id.stage)
    assert.equal(logTail, nasty.replace('second', 'last'))
    assert.equal(usage.logBytes, logTail!.length)
    await desk
      .until(() => !existsSync(outputs.home), 'its directory goes')
      .catch(() => {
        assert.fail(`left: ${readdirSync(join(desk.directory, 'work')).join(' ')}`)
      })
  })
})

test('a stage that forks and forgets leaves nobody, not even in a session of its own', async () => {
  await Desk.with(async (desk) => {
    const work = desk.assign(`setsid sleep 1000 & echo $! > ${desk.directory}/a
      sleep 1000 & echo $! > ${desk.directory}/b
      sleep 0.3`)
    const { outcome, logTail } = await desk.over(work)
    assert.equal(outcome.kind, 'succeeded')
    assert.match(logTail!, /left others running/)
    for (const name of ['a', 'b']) assert.ok(!lives(await desk.written(name)))
  })
})

test('a cancelled stage that ignores SIGTERM is told as cancelled when all of it is dead', async () => {
  await Desk.with(async (desk) => {
    const work = desk.assign(`trap '' TERM
      setsid sh -c 'trap "" TERM; echo $$ > ${desk.directory}/child; while :; do sleep 1; done' &
      echo $$ > ${desk.directory}/self
      while :; do sleep 1; done`)
    const pids = [await desk.written('self'), await desk.written('child')]
    assert.ok(pids.every(lives))
    desk.cancel(work)
    const { outcome } = await desk.over(work)
    assert.equal(outcome.kind, 'cancelled')
    assert.deepEqual(pids.filter(lives), [])
  })
})

test('a stage that writes without end fills neither memory nor disk', async () => {
  const logBytesMax = 1 << 20
  await Desk.with(
    async (desk) => {
      const work = desk.assign('echo first; head -c 100000000 /dev/zero | tr "\\0" x; echo last')
      const { outcome, usage, logTail } = await desk.over(work)
      assert.equal(outcome.kind, 'succeeded')
      assert.equal(usage.logBytes, 6 + 100_000_000 + 5)
      assert.ok(logTail!.endsWith('xlast\n'))
      const pieces = await desk.log(work)
      assert.ok(pieces[0]!.text.startsWith('first\nxxx'))
      const kept = pieces.reduce((sum, { length }) => sum + length, 0)
      assert.equal(kept, logBytesMax)
    },
    { logBytesMax },
  )
})

test('a stage that writes more than the disk it asked for is ended, and its neighbours are not', async () => {
  await Desk.with(async (desk) => {
    const script = 'mkdir -p deep; while :; do head -c 1000000 /dev/zero >> deep/big; done'
    const work = desk.assign(script, { resources: { diskBytes: 4 << 20, custom: {} } })
    const within = { resources: { diskBytes: 64 << 20, custom: {} } }
    const neighbour = desk.assign('head -c 1000000 /dev/zero > some; sleep 2', within)
    const { outcome, logTail } = await desk.over(work)
    assert.ok(outcome.kind === 'failed', outcome.kind)
    const { errorClass, code, message } = outcome.value
    assert.deepEqual([errorClass, code], ['resource', 'disk'])
    assert.match(message, /^it has written more than the 4 MiB of disk that it asked for/)
    assert.match(logTail ?? '', /\[skein\] it has written more/)
    assert.equal((await desk.over(neighbour)).outcome.kind, 'succeeded')
  })
})

test('an agent that is killed carries on with its stages in its next life, and starts none again', async () => {
  await Desk.with(async (desk) => {
    const work = desk.assign(`echo started >> ${desk.directory}/starts; echo before
      while [ ! -e ${desk.directory}/go ]; do sleep 0.05; done
      echo after; echo '{"done":true}' > "$SKEIN_OUTPUT"`)
    await desk.written('starts')
    await desk.logged('before\n')
    await desk.kill()
    await desk.start()
    desk.askInventory()
    spawn('touch', [join(desk.directory, 'go')])
    const { outcome, logTail } = await desk.over(work)
    assert.deepEqual(outcome, { kind: 'succeeded', value: { outputs: '{"done":true}' } })
    assert.equal(logTail, 'before\nafter\n')
    assert.equal(readFileSync(join(desk.directory, 'starts'), 'utf8'), 'started\n')
  })
})

test('a stage that ended while its agent was dead is told by the next life', async () => {
  await Desk.with(async (desk) => {
    const work = desk.assign(`echo $$ > ${desk.directory}/self; sleep 0.5; exit 75`)
    const pid = await desk.written('self')
    await desk.until(() => desk.reports.some(({ news }) => news.kind === 'accepted'), 'it is taken')
    await new Promise((resolve) => setTimeout(resolve, 100))
    await desk.kill()
    while (lives(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
    await desk.start()
    desk.askInventory()
    const { outcome } = await desk.over(work)
    assert.ok(outcome.kind === 'failed')
    assert.deepEqual([outcome.value.errorClass, outcome.value.exitCode], ['transient', 75])
  })
})

/** A key as people have one, and bytes that are no text. */
const keys = {
  tls: '-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END KEY-----\n',
  raw: '\0\xff\n\r\0',
}
const secretValues = Object.fromEntries(
  Object.entries(keys).map(([name, value]) => [
    name,
    Buffer.from(value, 'latin1').toString('base64'),
  ]),
)
const secretFiles = { KEY: 'tls', RAW: 'raw' }
const skipFiles = whyNotInMemory ?? false

test('secrets as files are read by the stage, in memory, and are gone with it', {
  skip: skipFiles,
}, async () => {
  await Desk.with(
    async (desk) => {
      const work = desk.assign(
        `ls -l "$KEY"; sha256sum < "$KEY"; od -An -tx1 "$RAW"; stat -f -c %T "$KEY"
        echo "$KEY" > ${desk.directory}/path; cat "$KEY"; echo more >> "$KEY" || echo read-only`,
        { secretFiles },
      )
      const { outcome, logTail = '' } = await desk.over(work)
      assert.equal(outcome.kind, 'succeeded', logTail)
      assert.match(logTail, /^-r--------/)
      assert.ok(logTail.includes(createHash('sha256').update(keys.tls).digest('hex')), logTail)
      assert.match(logTail, / 00 ff 0a 0d 00\n.*tmpfs\n\*\*\*\n/)
      assert.ok(!logTail.includes('MC4C'))
      const path = await desk.written('path')
      assert.ok(!existsSync(path) && !existsSync(dirname(path)))
    },
    { secretValues },
  )
})

test('secrets as files that a killed agent has left are removed by its next life', {
  skip: skipFiles,
}, async () => {
  await Desk.with(
    async (desk) => {
      const script = (name: string) => `echo "$KEY" > ${desk.directory}/${name}
        while [ ! -e ${desk.directory}/go ]; do sleep 0.05; done; sha256sum < "$KEY"`
      const lasting = desk.assign(script('lasting'), { secretFiles })
      const ended = desk.assign(`echo $$ > ${desk.directory}/pid; ${script('ended')}`, {
        secretFiles,
      })
      const [kept, left] = [await desk.written('lasting'), await desk.written('ended')]
      const pid = await desk.written('pid')
      await desk.kill()
      process.kill(Number(pid), 'SIGKILL')
      assert.ok(existsSync(kept) && existsSync(left), 'nobody is there to remove them')
      await desk.start({ secretValues })
      assert.ok(existsSync(kept), 'what is alive goes on with its own')
      spawn('touch', [join(desk.directory, 'go')])
      desk.askInventory()
      assert.equal((await desk.over(ended)).outcome.kind, 'failed')
      const { outcome, logTail = '' } = await desk.over(lasting)
      assert.equal(outcome.kind, 'succeeded')
      assert.ok(logTail.includes(createHash('sha256').update(keys.tls).digest('hex')), logTail)
      assert.ok(!existsSync(dirname(kept)) && !existsSync(dirname(left)))
      assert.ok(!existsSync(dirname(dirname(kept))), 'and nothing of where they lay')
    },
    { secretValues },
  )
})

test('a stage that is killed leaves no secret behind', { skip: skipFiles }, async () => {
  await Desk.with(
    async (desk) => {
      const work = desk.assign(
        `echo "$KEY" > ${desk.directory}/path; trap '' TERM; while :; do sleep 1; done`,
        { secretFiles },
      )
      const path = await desk.written('path')
      assert.ok(existsSync(path))
      desk.cancel(work)
      assert.equal((await desk.over(work)).outcome.kind, 'cancelled')
      assert.ok(!existsSync(dirname(path)))
    },
    { secretValues },
  )
})
