/** With which swarm key an agent starts: as its file has it, as it has kept it, or as a person wants it. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Secrets } from '../../agent/ports/secrets.ts'
import { ownSwarmKey } from '../../coordinator/host/own-swarm-key.ts'
import { takenOf } from '../../coordinator/swarm/hold.ts'
import type { HeldSwarmKey } from '../../coordinator/swarm/steps.ts'
import { formatSwarmKey } from '../../protocol/identity/swarm-key.ts'
import { silentLog } from '../../protocol/ports/log.ts'

const [a, b, c] = [1, 2, 3].map((n) => new Uint8Array(32).fill(n)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const taken: HeldSwarmKey = { madeMs: 7, step: 'taken', key: b, was: a }
const dialled: HeldSwarmKey = { madeMs: 7, step: 'dialled', key: b, was: a }
const alone: HeldSwarmKey = { madeMs: 7, step: 'alone', key: b }

interface Place {
  file: string
  data: string
  write(key: Uint8Array): void
  own(data?: string): ReturnType<typeof ownSwarmKey>
}

async function withPlace(use: (place: Place) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'skein-own-swarm-'))
  const file = join(home, 'swarm.key')
  const data = join(home, 'data')
  const write = (key: Uint8Array) => writeFileSync(file, formatSwarmKey(key), { mode: 0o640 })
  const own = async (directory = data) => {
    const secrets = new Secrets(directory)
    await secrets.prepare()
    return ownSwarmKey(file, secrets, silentLog)
  }
  try {
    write(a)
    await use({ file, data, write, own })
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

test('an agent that is started again goes on from the step that it had kept', () =>
  withPlace(async ({ file, own }) => {
    assert.deepEqual((await own()).held, { madeMs: 0, step: 'alone', key: a })
    for (const held of [taken, dialled]) {
      await (await own()).keep(held)
      assert.deepEqual((await own()).held, held)
      assert.equal(readFileSync(file, 'utf8'), formatSwarmKey(a), 'the file is for what is alone')
    }
    await (await own()).keep(alone)
    assert.deepEqual((await own()).held, alone)
    assert.equal(readFileSync(file, 'utf8'), formatSwarmKey(b))
    assert.equal(statSync(file).mode & 0o777, 0o640, 'whoever could read it still can')
    assert.deepEqual(takenOf((await own()).held), { keys: [b], dialled: b })
  }))

test('where the file cannot be written, or somebody puts the old one back, what was kept holds', () =>
  withPlace(async ({ write, own }) => {
    await (await own()).keep(taken)
    await (await own()).keep(alone)
    write(a)
    assert.deepEqual((await own()).held, alone)
    const later: HeldSwarmKey = { madeMs: 8, step: 'alone', key: c }
    await (await own()).keep(later)
    write(a)
    assert.deepEqual((await own()).held, later)
  }))

test('another key that a person puts into the file goes before what was kept', () =>
  withPlace(async ({ write, own }) => {
    await (await own()).keep(alone)
    write(c)
    assert.deepEqual((await own()).held, { madeMs: 0, step: 'alone', key: c })
  }))

test('agents that share a file replace it all at once, and each finds its way after any of them', () =>
  withPlace(async ({ file, data, own }) => {
    const places = [1, 2, 3, 4, 5].map((n) => `${data}${n}`)
    await Promise.all(places.map(async (each) => (await own(each)).keep(dialled)))
    await Promise.all(places.slice(1).map(async (each) => (await own(each)).keep(alone)))
    assert.equal(readFileSync(file, 'utf8'), formatSwarmKey(b))
    assert.deepEqual((await own(places[0])).held, dialled)
    const left = readdirSync(join(file, '..')).filter((name) => name.endsWith('.draft'))
    assert.deepEqual(left, [])
  }))

test('what others may read is no secret, and no key is taken from it', () =>
  withPlace(async ({ data, own }) => {
    await (await own()).keep(alone)
    chmodSync(join(data, 'swarm-key.kept'), 0o644)
    await assert.rejects(own(), /swarm-key\.kept/)
  }))
