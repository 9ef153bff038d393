/** Federated rounds in which a host says what is not so, or what is nothing at all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RoundAnswer, type RoundReply, type RoundStep } from '../../agent/learning/round/wire.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { ask, ended, hostOf, learners, oneRound, roundOf, tampered } from './learners.ts'

interface Lie {
  readonly what: string
  readonly says: (step: RoundStep, reply: RoundReply) => RoundReply | Uint8Array | undefined
  readonly out?: 'silent' | 'refused' | 'notCounted'
  readonly why?: RegExp
  /** Nobody can say who it was: the round is lost, and nothing else. */
  readonly spoils?: true
}

const lies: readonly Lie[] = [
  {
    what: 'answers with garbage',
    says: () => Uint8Array.of(255, 254, 253),
    out: 'refused',
    why: /nonsense/,
  },
  {
    what: 'answers something else than it is asked',
    says: (step, reply) => (step.kind === 'deal' ? { kind: 'done', value: {} } : reply),
    out: 'refused',
    why: /malformed/,
  },
  {
    what: 'sends an update of another length',
    says: (_, reply) =>
      reply.kind === 'masked'
        ? { kind: 'masked', value: { values: reply.value.values.slice(4) } }
        : reply,
    out: 'refused',
    why: /malformed/,
  },
  {
    what: 'signs keys of another round',
    says: (_, reply) =>
      reply.kind === 'keys'
        ? { kind: 'keys', value: { ...reply.value, masking: reply.value.sharing } }
        : reply,
    out: 'refused',
    why: /badSignature/,
  },
  {
    what: 'votes with what is no number',
    says: (_, reply) => {
      if (reply.kind !== 'vote') return reply
      const told = Buffer.from(encode(RoundAnswer, { reply }))
      const loss = Buffer.alloc(8)
      loss.writeDoubleLE(reply.value.after)
      told.writeDoubleLE(Number.NaN, told.indexOf(loss))
      return new Uint8Array(told)
    },
    out: 'refused',
    why: /nonsense|malformed/,
  },
  {
    what: 'votes with what is no loss',
    says: (_, reply) =>
      reply.kind === 'vote' ? { kind: 'vote', value: { before: 0, after: -1, halves: [] } } : reply,
    out: 'refused',
    why: /malformed/,
  },
  {
    what: 'says that it has more rows than a round takes',
    says: (_, reply) =>
      reply.kind === 'willing'
        ? { kind: 'willing', value: { ...reply.value, rows: Number.MAX_SAFE_INTEGER } }
        : reply,
    out: 'refused',
    why: /invited.*malformed/,
  },
  {
    what: 'says that it had to fetch more than any version is',
    says: (_, reply) =>
      reply.kind === 'willing'
        ? { kind: 'willing', value: { ...reply.value, fetchedBytes: Number.MAX_SAFE_INTEGER } }
        : reply,
    out: 'refused',
    why: /invited.*malformed/,
  },
  {
    what: 'says so as it votes',
    says: (_, reply) =>
      reply.kind === 'vote'
        ? { kind: 'vote', value: { ...reply.value, fetchedBytes: Number.MAX_SAFE_INTEGER } }
        : reply,
    out: 'refused',
    why: /vote.*malformed/,
  },
  {
    what: 'votes against what is good',
    says: (_, reply) =>
      reply.kind === 'vote'
        ? { kind: 'vote', value: { before: 0.001, after: 1e9, halves: [] } }
        : reply,
  },
  {
    what: 'says that it is thousands of updates long',
    says: (_, reply) =>
      reply.kind === 'sketch'
        ? {
            kind: 'sketch',
            value: {
              sums: [
                ...reply.value.sums.slice(0, -1).map((sum) => sum * 4_000),
                ...reply.value.sums.slice(-1),
              ],
            },
          }
        : reply,
    out: 'notCounted',
    why: /much longer/,
  },
  {
    what: 'wants to count for more than one host',
    says: (_, reply) =>
      reply.kind === 'sketch'
        ? { kind: 'sketch', value: { sums: reply.value.sums.map((sum) => sum * 4_000) } }
        : reply,
    out: 'refused',
    why: /malformed/,
  },
  {
    what: 'sends an update that is not what its sketch is of',
    says: (_, reply) =>
      reply.kind === 'masked'
        ? { kind: 'masked', value: { values: reply.value.values.map((byte) => byte ^ 90) } }
        : reply,
  },
  {
    what: 'lies a little in its sketch',
    says: (_, reply) =>
      reply.kind === 'sketch'
        ? { kind: 'sketch', value: { sums: reply.value.sums.map((sum) => sum + 1) } }
        : reply,
    spoils: true,
  },
]

for (const { what, says, out, why, spoils } of lies) {
  test(`a host that ${what} does no harm that lasts`, async () => {
    const mesh = await learners(`lies ${what}`)
    const liar = mesh.follower
    tampered(liar, says)
    const round = await oneRound(mesh)
    if (spoils === undefined) assert.equal(round.state, 'kept', round.why)
    else assert.match(`${round.state}: ${round.why}`, /^failed: .*lied/)
    if (out !== undefined) assert.equal(hostOf(round, liar)?.out, out)
    if (why !== undefined) assert.match(hostOf(round, liar)?.why ?? '', why)
    const honest = round.hosts.filter(({ id }) => id !== liar.host.id)
    assert.ok(
      honest.every((host) => host.out === undefined),
      JSON.stringify(honest),
    )
  })
}

test('who spoils a round and is found out is not asked again, and what people wait for goes on without it', async () => {
  const mesh = await learners('spoils')
  const liar = mesh.follower
  tampered(liar, (_, reply) =>
    reply.kind === 'dealing'
      ? { kind: 'dealing', value: { ...reply.value, commitment: new Uint8Array(32) } }
      : reply,
  )
  const number = await ask(mesh, 2)
  const spoiled = await ended(mesh, number)
  assert.match(`${spoiled.state}: ${spoiled.why}`, /^failed: a host has lied about what its masks/)
  assert.equal(hostOf(spoiled, liar)?.lied, true)
  for (const after of [number + 1, number + 2]) {
    const round = await ended(mesh, after)
    assert.equal(round.state, 'kept', round.why)
    assert.equal(round.hosts.filter(({ counted }) => counted).length, 4)
    const left = hostOf(round, liar)
    assert.deepEqual([left?.out, left?.lied, left?.downBytes], ['refused', undefined, 0])
    assert.match(left?.why ?? '', /not asked: it has lied/)
  }
  await mesh.world.runFor(5_000)
  assert.equal(roundOf(mesh, number + 4), undefined)
})
