/** What the ledger keeps of emergency stops, however soon they are over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StopRecording } from '../../agent/estop/recording.ts'
import { EstopCore } from '../../protocol/estop/core.ts'
import { AuditEntry } from '../../protocol/ledger/audit-chain.ts'
import { read } from '../../protocol/ledger/read.ts'
import { decode } from '../../protocol/wire/codec.ts'
import { keyNumber, trust, nowMs as wallMs } from '../identity/parties.ts'
import { Replica } from '../ledger/stage.ts'
import { ManualClock, silentLog } from '../links/stage.ts'
import { one, operator, raiseOf, release, signed } from './words.ts'

const self = keyNumber(100).id
const other = keyNumber(101).id

/** A leader with one peer, and a ledger that can be out of reach. */
function leader() {
  const replica = new Replica()
  const core = new EstopCore({ self, trust, rules: one }, [], 0)
  const reach = { ledger: true, leads: true }
  const recording = new StopRecording({
    clock: new ManualClock(),
    log: silentLog,
    self,
    core: () => core,
    leads: () => reach.leads,
    state: () => replica.state,
    append: async (command) => (reach.ledger ? replica.do(command).code : 'noQuorum'),
    nameOf: (peer) => (peer === self ? 'n1' : 'n2'),
    alive: () => [other],
  })
  const look = async () => {
    recording.look()
    // What it writes goes through promises that are all settled by then.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const obey = (id: string) => {
    core.done(id, 3, 40)
    const word = new Uint8Array(Buffer.from(id, 'hex'))
    const value = { answers: [{ word, state: 'done' as const, killed: 2, tookMs: 30, why: '' }] }
    core.hear(other, { kind: 'answers', value }, 40, wallMs)
  }
  const audit = () => {
    const { value } = read(replica.state, { kind: 'auditList', limit: 10 })
    return value.items.map(({ row }) => {
      const entry = decode(AuditEntry, row.body)
      assert(entry.ok)
      const { actor, verb, object, outcome } = entry.value
      return `${actor} ${verb} ${object} ${outcome}`
    })
  }
  return { core, reach, recording, look, obey, audit }
}

const raised = 'ada estop.raise mesh #1 ok'
const obeyed = `${self} estop.raise mesh #1 obeyed by all that are alive`

test('a stop is in the audit log by who raised it, at once, and once with who has obeyed', async () => {
  const { core, look, obey, audit, recording } = leader()
  const heard = core.said(signed(raiseOf(), operator), 0, wallMs)
  assert(heard.kind === 'news')
  await look()
  assert.deepEqual(audit(), [raised])
  obey(heard.id)
  await look()
  await look()
  assert.deepEqual(audit(), [raised, obeyed])
  recording.stop()
})

test('one that is released before anybody has looked again is written with who obeyed it', async () => {
  const { core, look, obey, audit, recording } = leader()
  const heard = core.said(signed(raiseOf(), operator), 0, wallMs)
  assert(heard.kind === 'news')
  await look()
  obey(heard.id)
  core.said(release(core.latch), 50, wallMs)
  await look()
  assert.deepEqual(audit(), [raised, 'bob estop.release mesh #2 ok', obeyed])
  recording.stop()
})

test('a new leader tells no more of a release that is in the ledger', async () => {
  const { core, look, obey, audit, recording, reach } = leader()
  const heard = core.said(signed(raiseOf(), operator), 0, wallMs)
  assert(heard.kind === 'news')
  await look()
  obey(heard.id)
  const over = core.said(release(core.latch), 50, wallMs)
  assert(over.kind === 'news')
  await look()
  const before = audit()
  reach.leads = false
  await look()
  obey(over.id)
  reach.leads = true
  await look()
  assert.deepEqual(audit(), before)
  recording.stop()
})

test('a ledger that is out of reach is written to when it is back', async () => {
  const { core, reach, look, audit, recording } = leader()
  reach.ledger = false
  core.said(signed(raiseOf(), operator), 0, wallMs)
  await look()
  assert.deepEqual(audit(), [])
  reach.ledger = true
  await look()
  assert.deepEqual(audit(), [raised])
  recording.stop()
})
