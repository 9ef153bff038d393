/**
 * `skein keys rotate swarm`: has the mesh go over to another swarm key, and tells how far it is. What
 * was begun goes on without this command; `skein keys ls` shows it, too.
 */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { SwarmRotation } from '../api/swarm-key-routes.ts'
import { confirm } from './confirm.ts'
import { type Context, document, sleep } from './context.ts'
import { renewCopy } from './keys-copy-swarm.ts'
import { plain } from './table.ts'

export interface RotateSwarmFlags {
  finish?: true
  timeout: string
}

const LOOK_MS = 300

export async function rotateSwarm(context: Context, flags: RotateSwarmFlags): Promise<number> {
  const { rotation } = await context.client.call('keys')
  if (flags.finish) {
    await confirm(context, touchedByFinish(rotation))
    const { madeMs } = await context.client.call('finishSwarmKey')
    return follow(context, flags, (each) => each.madeMs === madeMs && each.step === 'alone')
  }
  const { nodes } = await context.client.call('nodes')
  const hosts = nodes.filter(({ state }) => state !== 'left').length
  await confirm(context, `${count(hosts, 'host')} of the mesh go over to another swarm key`)
  const { was } = await context.client.call('rotateSwarmKey')
  return follow(context, flags, ({ madeMs }) => madeMs > was)
}

function touchedByFinish(rotation: SwarmRotation | undefined): string {
  const without = (rotation?.hosts ?? []).filter(lacksKey).map(({ name }) => plain(name))
  const drops = 'the old swarm key is taken no more'
  if (without.length === 0) return drops
  return `${drops}, and these are shut out, because they have not the new one: ${without.join(', ')}`
}

/** As far as is known: whoever has not answered in this turn of the leader may have it. */
function lacksKey({ has }: SwarmRotation['hosts'][number]): boolean {
  return has === 'none' || has === 'unknown'
}

async function follow(
  context: Context,
  { timeout }: RotateSwarmFlags,
  isMeant: (rotation: SwarmRotation) => boolean,
): Promise<number> {
  const untilMs = performance.now() + 1_000 * Number(timeout)
  let told = ''
  let known: SwarmRotation | undefined
  while (!context.interrupted.aborted) {
    const { rotation } = await patiently(context)
    if (rotation !== undefined && isMeant(rotation)) known = rotation
    const said = known === undefined ? 'waiting for whoever leads' : inWords(known)
    if (said !== told && !context.quiet) context.io.err(`${said}\n`)
    told = said
    if (known !== undefined && isOver(known)) break
    if (performance.now() >= untilMs) break
    await sleep(LOOK_MS, context.interrupted)
  }
  if (context.interrupted.aborted) {
    if (!context.quiet) context.io.err('it goes on; see how far it is with: skein keys ls\n')
    return exitCodes.interrupted
  }
  return tell(context, known)
}

/** An agent that is asked in the middle of an election may have nothing to say for a moment. */
async function patiently({ client }: Context): Promise<{ rotation?: SwarmRotation | undefined }> {
  try {
    return await client.call('keys')
  } catch (error) {
    if (error instanceof Problem && error.exitCode === exitCodes.noAnswer) return {}
    throw error
  }
}

/** Nothing happens any more without somebody who comes back, or who decides. */
export function isOver({ step, hosts }: SwarmRotation): boolean {
  if (step === 'taken' || hosts.some(({ here, done }) => here && !done)) return false
  // When all dial with the new key, whoever leads drops the old one at its next look.
  return step === 'alone' || hosts.some(({ done }) => !done)
}

async function tell(context: Context, rotation: SwarmRotation | undefined): Promise<number> {
  const late = rotation?.hosts.filter(({ done }) => !done) ?? []
  const isDone = rotation?.step === 'alone' && late.length === 0
  const copy =
    rotation === undefined || rotation.step === 'taken'
      ? undefined
      : await renewCopy(context, rotation)
  if (context.json) {
    document(context, { schemaVersion: 1, done: isDone, rotation, ...(copy ? { copy } : {}) })
  } else if (!context.quiet) {
    if (copy !== undefined) context.io.err(`${copy} has the new key now\n`)
    for (const line of rotation === undefined ? [nothingHeard] : rest(rotation)) {
      context.io.err(`${line}\n`)
    }
  }
  if (rotation === undefined) return exitCodes.noAnswer
  return isDone ? exitCodes.done : exitCodes.partly
}

const nothingHeard =
  'nobody who leads has told of it yet: skein health says why; skein keys ls shows how far it is'

function rest({ step, hosts }: SwarmRotation): string[] {
  const late = hosts.filter(({ done }) => !done)
  const names = late.map(({ name }) => plain(name)).join(', ')
  if (step === 'alone') {
    const tokens =
      'join tokens made before let nobody in any more, and copies of swarm.key outside of the hosts are to be replaced: skein keys copy swarm'
    if (late.length === 0) return [tokens]
    return [
      `not heard of: ${names}. A host that has not the new key is let in again by skein agent join with a new token, or by a swarm.key from another host`,
      tokens,
    ]
  }
  return [
    `waiting for ${names}; the old key is taken until then, and dropped as soon as they have the new one`,
    'to drop it without them: skein keys rotate swarm --finish',
  ]
}

export function inWords({ step, hosts, was, now }: SwarmRotation): string {
  const done = hosts.filter((host) => host.done).length
  const of = `${done} of ${count(hosts.length, 'host')}`
  switch (step) {
    case 'taken':
      return `${of} take the new swarm key, ${plain(now)}`
    case 'dialled':
      return `${of} dial with the new swarm key, and have made their connections anew`
    case 'alone':
      return `${of} take the new swarm key alone; the old one, ${plain(was)}, is dropped`
  }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
