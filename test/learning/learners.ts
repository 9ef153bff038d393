/** Meshes whose hosts have done work and learn from it together, in a virtual world. */
import assert from 'node:assert/strict'
import {
  ROUND_SERVICE,
  RoundAnswer,
  RoundQuestion,
  type RoundReply,
  type RoundStep,
} from '../../agent/learning/round/wire.ts'
import {
  putSettings,
  type Round,
  roundIn,
  roundsIn,
} from '../../coordinator/learning/rounds/rows.ts'
import { type RoundSettings, usualSettings } from '../../coordinator/learning/rounds/settings.ts'
import { putWish } from '../../coordinator/learning/rounds/wish.ts'
import type { Family } from '../../models/registry/learned.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { type Member, Mesh, type MeshOptions } from '../history/stage.ts'

export { ROUND_SERVICE }

const startedAtMs = 1_000_000
let times = 0

/** As if it had done so many attempts: of a few kinds, on some hosts slower than on others. */
export function remember({ host, agent }: Member, count: number, factor = 1): void {
  for (let i = 0; i < count; i++) {
    const kind = i % 4
    // The same each time, and never twice the same.
    const wallMs = Math.round(factor * 400 * 3 ** kind * (0.9 + 0.2 * ((i * 0.618) % 1))) + 1
    agent.learning.history.learn({
      assignment: { fingerprint: `program/make-${kind}/a0${kind}`, workflow: 'build' },
      finished: {
        outcome: { kind: 'succeeded', value: {} },
        startedAtMs: startedAtMs + 7 * i + host.index,
        endedAtMs: startedAtMs + 7 * i + wallMs,
        usage: { wallMs },
      },
      load: 0.5,
    })
  }
}

export async function learners(
  seed: string,
  size = 5,
  attempts: (index: number) => number = () => 120,
  options: MeshOptions = {},
): Promise<Mesh> {
  const mesh = await Mesh.of(seed, size, { learns: true, ...options })
  for (const [i, member] of mesh.members.entries()) remember(member, attempts(i), 1 + i / 4)
  await mesh.world.runFor(2_000)
  return mesh
}

export async function choose(mesh: Mesh, settings: Partial<RoundSettings>): Promise<void> {
  await mesh.ok(putSettings({ ...usualSettings, ...settings }, 'ada', ++times))
}

/** Somebody asks for so many rounds. */
export async function ask(mesh: Mesh, count = 1, family?: Family): Promise<number> {
  const of = family === undefined ? {} : { family }
  await mesh.ok(putWish({ count, by: 'ada', atMs: ++times, ...of }))
  return roundsIn(mesh.leader!.agent.ledger.state).tally.number
}

export function roundOf(mesh: Mesh, number: number): Round | undefined {
  const { leader } = mesh
  return leader && roundIn(leader.agent.ledger.state, number)
}

/** The one after that, when it is over. */
export async function ended(mesh: Mesh, after: number, withinMs = 120_000): Promise<Round> {
  const isOver = () => {
    const round = roundOf(mesh, after + 1)
    return round !== undefined && round.state !== 'open'
  }
  await mesh.until(isOver, `round ${after + 1} ends`, withinMs)
  const round = roundOf(mesh, after + 1)
  assert.ok(round)
  return round
}

export async function oneRound(mesh: Mesh, family?: Family): Promise<Round> {
  return ended(mesh, await ask(mesh, 1, family))
}

/** Until it has come to that phase. */
export async function inPhase(mesh: Mesh, number: number, phase: Round['phase']): Promise<void> {
  const endMs = mesh.world.nowMs + 60_000
  while (roundOf(mesh, number)?.phase !== phase && mesh.world.nowMs < endMs) {
    await mesh.world.runFor(1)
  }
  assert.equal(roundOf(mesh, number)?.phase, phase)
}

export const hostOf = (round: Round, { host }: Member) =>
  round.hosts.find(({ id }) => id === host.id)

/** What that host says in rounds goes through `change` first; undefined for silence. */
export function tampered(
  { agent }: Member,
  change: (step: RoundStep, reply: RoundReply) => RoundReply | Uint8Array | undefined,
): void {
  agent.calls.serve(ROUND_SERVICE, async (from, body) => {
    const asked = decode(RoundQuestion, body)
    const told = decode(RoundAnswer, await agent.learning.rounds.answer(from, body))
    assert.ok(asked.ok && told.ok)
    const said = change(asked.value.step, told.value.reply)
    if (said === undefined) return new Promise(() => {})
    return said instanceof Uint8Array ? said : encode(RoundAnswer, { reply: said })
  })
}
