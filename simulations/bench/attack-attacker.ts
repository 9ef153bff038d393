/**
 * One attacker, a process of its own, so that its work is not taken for that of the mesh. It strikes
 * from several lanes at once from the word `strike` until the word `rest`, and says then how often
 * it has struck and what processor time that took.
 */
import { SeededEntropy } from '../world/entropy.ts'
import { type Attack, type AttackName, attacks, type OwnStrike } from './attack-kinds.ts'
import { ownStrikes } from './attack-strikes.ts'
import type { FuzzKind } from './fuzz-kinds.ts'
import { type FuzzTarget, rest, Session } from './fuzz-session.ts'
import { strikes } from './fuzz-strikes.ts'

export interface AttackerTask {
  target: Omit<FuzzTarget, 'swarmKey'> & { swarmKey: string }
  attack: AttackName
  seed: string
}

export type AttackerOrder = 'strike' | 'rest'

export interface AttackerNews {
  struck: number
  sent: number
  cpuMs: number
}

const LANES_OF_STRANGERS = 4
/** Not that of the agents: what is bounded by address is not bounded for them with it. */
const ATTACKER_ADDRESS = process.platform === 'linux' ? '127.0.0.9' : '127.0.0.1'
const STRIKE_DEADLINE_MS = 10_000
const LEAVE_DEADLINE_MS = 1_000

const task = JSON.parse(process.argv[2] as string) as AttackerTask
const target = {
  ...task.target,
  swarmKey: new Uint8Array(Buffer.from(task.target.swarmKey, 'base64')),
}
const { strikes: kinds, certified }: Attack = attacks[task.attack]
/** Each liar is one host that was taken over, has one name, and does one thing again and again. */
const lanes = certified ? kinds.length : LANES_OF_STRANGERS
const chance = new SeededEntropy(task.seed)
/** By what they do and on which lane: those who stay to do it again. */
const sessions = new Map<string, Session>()
let resting = new AbortController()
let cpuBefore = process.cpuUsage()
let struck = 0
let sent = 0
let over: Promise<unknown> = Promise.resolve()

// Writing into connections that are being cut is what this program does.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})
// Whoever gave the orders may have been killed.
process.once('disconnect', () => process.exit())
process.on('message', (order: AttackerOrder) => {
  if (order === 'strike') begin()
  else void end()
})

function begin(): void {
  resting = new AbortController()
  cpuBefore = process.cpuUsage()
  struck = 0
  sent = 0
  over = Promise.all(Array.from({ length: lanes }, (_, lane) => strikeOn(lane)))
}

async function end(): Promise<void> {
  const { user, system } = process.cpuUsage(cpuBefore)
  const news: AttackerNews = { struck, sent, cpuMs: (user + system) / 1_000 }
  resting.abort()
  // The next measurement begins when nothing of this one is under way any more.
  await over
  process.send?.(news)
}

async function strikeOn(lane: number): Promise<void> {
  const { signal } = resting
  for (let i = lane; !signal.aborted; i++) {
    const kind = kinds[(certified ? lane : i) % kinds.length] as (typeof kinds)[number]
    await strike(kind, `${kind} ${lane}`, i, signal)
    struck++
    // A strike that fails at once would leave no time to hear that it is enough.
    await rest(1)
  }
  for (const [name, session] of sessions) {
    sessions.delete(name)
    await leave(session)
  }
}

/** What is cut in the middle may say so when it is put away, or wait for who does not read it. */
async function leave(session: Session): Promise<void> {
  await Promise.race([session.end().catch(() => {}), rest(LEAVE_DEADLINE_MS)])
}

async function strike(
  kind: FuzzKind | OwnStrike,
  name: string,
  number: number,
  signal: AbortSignal,
): Promise<void> {
  const session = sessions.get(name) ?? newSession(name, number)
  sessions.delete(name)
  const before = session.sent
  const late = rest(STRIKE_DEADLINE_MS).then(() => 'over')
  const aborted = new Promise<string>((resolve) =>
    signal.addEventListener('abort', () => resolve('over'), { once: true }),
  )
  const strikeIt = isOwn(kind) ? ownStrikes[kind] : strikes[kind]
  const done = strikeIt(session, signal).then(
    () => 'done',
    () => 'over',
  )
  const end = await Promise.race([done, late, aborted])
  sent += session.sent - before
  if (certified && end === 'done') sessions.set(name, session)
  else await leave(session)
}

function newSession(name: string, number: number): Session {
  const seed = certified ? { seed: chance.stream(name).bytes(32) } : {}
  const entropy = chance.stream(name).stream(`${number} ${performance.now()}`)
  return new Session(target, entropy, { from: ATTACKER_ADDRESS, ...seed })
}

function isOwn(kind: FuzzKind | OwnStrike): kind is OwnStrike {
  return Object.hasOwn(ownStrikes, kind)
}
