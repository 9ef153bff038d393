/**
 * Rotating the swarm key: what a person wishes goes into the ledger in their name, and whoever leads
 * does it. How far it has come is asked of that agent.
 */
import type { Agent } from '../../agent/agent.ts'
import { sealingLimits } from '../../protocol/identity/limits.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { sealedTo } from '../../protocol/identity/sealing.ts'
import { compareNames } from '../../protocol/name-order.ts'
import { freshState } from '../runs/fresh.ts'
import type { SwarmDesk } from '../swarm/desk.ts'
import { putWish, rowIn } from '../swarm/rows.ts'
import { hasReached, swarmStepOf } from '../swarm/steps.ts'
import { aboutCopy, FINISH_WISH, ROTATE_WISH, type SwarmProgress } from '../swarm/wire.ts'
import { appended } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import { SCHEMA_VERSION } from './schemas.ts'
import type { SwarmRotation } from './swarm-key-routes.ts'

type SwarmRoute = 'rotateSwarmKey' | 'finishSwarmKey' | 'copySwarmKey'
type Asked = Pick<Request<SwarmRoute>, 'caller' | 'signal' | 'trail'>

export function swarmKeyHandlers(agent: Agent, swarm: SwarmDesk): Pick<Handlers, SwarmRoute> {
  return {
    rotateSwarmKey: async (it) => ({ schemaVersion: SCHEMA_VERSION, was: await rotate(agent, it) }),
    finishSwarmKey: async (it) => ({
      schemaVersion: SCHEMA_VERSION,
      madeMs: await finish(agent, it),
    }),
    copySwarmKey: ({ body }) => ({
      schemaVersion: SCHEMA_VERSION,
      sealed: copyOf(agent, swarm, new Uint8Array(Buffer.from(body.sealing, 'base64url'))),
    }),
  }
}

async function rotate(agent: Agent, { caller, signal, trail }: Asked): Promise<number> {
  const { state } = await freshState(agent, signal)
  const row = rowIn(state)
  if (row !== undefined && row.step !== 'alone') {
    throw new ApiRefusal(
      'conflict',
      'the mesh is going over to another swarm key already',
      'skein keys ls shows how far it is; skein keys rotate swarm --finish drops the old key',
    )
  }
  const madeMs = row?.madeMs ?? 0
  if (trail !== undefined) trail.note = { ...trail.note, object: 'swarm key' }
  const wish = { madeMs, by: caller.name, atMs: agent.ports.clock.wall() }
  await appended(agent, putWish(ROTATE_WISH, wish), signal, trail)
  return madeMs
}

async function finish(agent: Agent, { caller, signal, trail }: Asked): Promise<number> {
  const { state } = await freshState(agent, signal)
  const row = rowIn(state)
  if (row === undefined || row.step === 'alone') {
    const why = 'the mesh is not going over to another swarm key: there is no old one to drop'
    throw new ApiRefusal('conflict', why, 'skein keys rotate swarm begins it')
  }
  if (trail !== undefined) trail.note = { ...trail.note, object: `swarm key ${row.was}` }
  const wish = { madeMs: row.madeMs, by: caller.name, atMs: agent.ports.clock.wall() }
  await appended(agent, putWish(FINISH_WISH, wish), signal, trail)
  return row.madeMs
}

function copyOf(agent: Agent, { hold }: SwarmDesk, sealing: Uint8Array): string {
  const chance = agent.ports.entropy.stream('swarm').bytes(sealingLimits.chanceBytes)
  return Buffer.from(sealedTo(sealing, hold.dialled, aboutCopy, chance)).toString('base64url')
}

/** Undefined where there is nothing to be told, or nobody who could tell it. */
export async function rotationOf(
  agent: Agent,
  swarm: SwarmDesk,
): Promise<SwarmRotation | undefined> {
  const progress = await swarm.progress()
  const step = progress && swarmStepOf(progress.step)
  if (progress === undefined || step === undefined) return undefined
  const { madeMs, sinceMs, by, was, now } = progress
  const hosts = progress.hosts.map((host) => hostOf(agent, host, { madeMs, step }))
  hosts.sort((a, b) => compareNames(a.name, b.name))
  return { madeMs, step, sinceMs, by, was, now, hosts }
}

function hostOf(
  agent: Agent,
  { id, here, step: number, older = 0 }: SwarmProgress['hosts'][number],
  goal: Parameters<typeof hasReached>[1],
): SwarmRotation['hosts'][number] {
  const step = number === undefined ? undefined : swarmStepOf(number)
  const report = step && { madeMs: goal.madeMs, step, older }
  return {
    id,
    name: agent.membership.nameOf(id as PeerId),
    here: here !== 0,
    has: step ?? (number === undefined ? 'unknown' : 'none'),
    older,
    done: hasReached(report, goal),
  }
}
