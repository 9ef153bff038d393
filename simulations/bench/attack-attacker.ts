/**
 * One attacker, a process of its own, so that its work is not taken for that of the mesh. It strikes
 * from several lanes at once from the word `strike` until the word `rest`, and says then how often
 * it has struck and what processor time that took.
 */
import { SeededEntropy } from '../world/entropy.ts'
import { type AttackName, attacks } from './attack-kinds.ts'
import { ownStrikes } from './attack-strikes.ts'
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

const LANES = 4
const STRIKE_DEADLINE_MS = 10_000

const task = JSON.parse(process.argv[2] as string) as AttackerTask
const target = {
  ...task.target,
  swarmKey: new Uint8Array(Buffer.from(task.target.swarmKey, 'base64')),
}
const kinds = attacks[task.attack].strikes
const chance = new SeededEntropy(task.seed)
let resting = new AbortController()
let cpuBefore = process.cpuUsage()
let struck = 0
let sent = 0
let over: Promise<unknown> = Promise.resolve()

// Writing into connections that are being cut is what this program does.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})
process.on('message', (order: AttackerOrder) => {
  if (order === 'strike') begin()
  else void end()
})

function begin(): void {
  resting = new AbortController()
  cpuBefore = process.cpuUsage()
  struck = 0
  sent = 0
  over = Promise.all(Array.from({ length: LANES }, (_, lane) => strikeOn(lane)))
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
    const kind = kinds[i % kinds.length] as (typeof kinds)[number]
    await strike(kind, i, signal).catch(() => {})
    struck++
  }
}

async function strike(kind: string, number: number, signal: AbortSignal): Promise<void> {
  const session = new Session(target, chance.stream(kind).stream(`${number} ${performance.now()}`))
  const late = rest(STRIKE_DEADLINE_MS)
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  const own = ownStrikes[kind as keyof typeof ownStrikes]
  const done =
    own === undefined ? strikes[kind as keyof typeof strikes](session) : own(session, signal)
  await Promise.race([done, late, aborted])
  sent += session.sent
  await session.end()
}
