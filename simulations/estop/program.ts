/**
 * `skein sim estop`: how long it takes until every host that can be reached has stopped, in meshes of
 * ten, a hundred and a thousand hosts, with frames lost, partitions, and hosts that crash and come
 * back in the middle; and whether anything happened that never may.
 */

import {
  handOf,
  type Raise,
  type Release,
  type StopWord,
  sayWord,
} from '../../protocol/estop/word.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { below } from '../../protocol/ports/entropy.ts'
import { type Figure, percentile, report } from '../bench/report.ts'
import { SeededEntropy } from '../world/entropy.ts'
import { Field, type FieldHost } from './field.ts'

export interface SimEstopOptions {
  seeds: string
  hosts?: string
  json: boolean
}

const SIZES = [10, 100, 1_000]
const troubles = ['none', 'loss 5%', 'loss 20%', 'partition', 'crashes'] as const
type Trouble = (typeof troubles)[number]

const lossOf: Readonly<Record<Trouble, number>> = {
  none: 0,
  'loss 5%': 0.05,
  'loss 20%': 0.2,
  partition: 0.05,
  crashes: 0.05,
}

const GOAL_MS = 400
const GOAL_HOSTS = 1_000
const WALL_MS = Date.UTC(2030, 0, 1)
const YEAR_MS = 365 * 86_400_000
const SETTLE_MS = 1_000
const STOP_MS = 30_000
/** Of all hosts, so many crash while the word spreads, and come back a while later. */
const CRASH_SHARE = 0.1
const CRASH_WITHIN_MS = 150
const AWAY_MS = [50, 2_000] as const

/** Of one history: how long each host took that was there, and that came back. */
interface Told {
  stayedMs: number[]
  returnedMs: number[]
  violations: string[]
}

export function simEstop({ seeds, hosts, json }: SimEstopOptions): Promise<number> {
  const figures: Figure[] = []
  let broken = 0
  for (const size of hosts === undefined ? SIZES : [Number(hosts)]) {
    for (const trouble of troubles) {
      const told: Told = { stayedMs: [], returnedMs: [], violations: [] }
      for (let seed = 1; seed <= Number(seeds); seed++) {
        const one = history(size, trouble, `${seed}`)
        told.stayedMs.push(...one.stayedMs)
        told.returnedMs.push(...one.returnedMs)
        for (const what of one.violations.slice(0, 5)) {
          process.stderr.write(`${size} hosts, ${trouble}, seed ${seed}: ${what}\n`)
        }
        broken += one.violations.length
      }
      figures.push(...figuresOf(size, trouble, told))
    }
  }
  figures.push({
    metric: 'what may never happen',
    unit: 'times',
    value: broken,
    goal: '0',
    holds: broken === 0,
  })
  const code = report(`emergency stop, simulated, ${seeds} seeds each`, figures, json)
  return Promise.resolve(broken > 0 ? exitCodes.simulationSafety : code)
}

function figuresOf(size: number, trouble: Trouble, { stayedMs, returnedMs }: Told): Figure[] {
  const name = `${size} hosts, ${trouble}`
  const last = Math.max(...stayedMs)
  const isGoal = size === GOAL_HOSTS && trouble === 'none'
  const goal = isGoal ? { goal: `< ${GOAL_MS}`, holds: last < GOAL_MS } : {}
  const figures: Figure[] = [
    { metric: `${name}, median host`, unit: 'ms', value: percentile(stayedMs, 0.5) },
    { metric: `${name}, p99`, unit: 'ms', value: percentile(stayedMs, 0.99) },
    { metric: `${name}, last host`, unit: 'ms', value: last, ...goal },
  ]
  if (returnedMs.length === 0) return figures
  const value = Math.max(...returnedMs)
  return [...figures, { metric: `${name}, last one back, since its return`, unit: 'ms', value }]
}

// ── One history ─────────────────────────────────────────────────────────────────────────────────

export function history(size: number, trouble: Trouble, seed: string): Told {
  const people = new People(seed)
  const dice = new SeededEntropy(`estop/${seed}`).stream('trouble')
  const field = new Field({
    seed: `${size}/${trouble}/${seed}`,
    hosts: size,
    loss: lossOf[trouble],
    trust: people.trust,
    wallMs: WALL_MS,
  })
  const { hosts } = field
  const told: Told = { stayedMs: [], returnedMs: [], violations: field.violations }
  field.run(SETTLE_MS)
  // One stop that is over: what was said then is said again by a hostile peer all the time.
  const before = people.raise(hosts[0]!)
  field.say(hosts[0]!, before)
  field.run(STOP_MS)
  const over = people.release(hosts[0]!)
  field.say(hosts[0]!, over)
  field.run(STOP_MS)
  expectAll(field, hosts, false, 'released the first stop')
  for (const host of hosts) host.stoppedMs = undefined

  const asked = [hosts[below(dice, size)]!]
  if (trouble === 'partition') {
    const half = size / 2
    field.isCut = (a, b) => a.index < half !== b.index < half
    asked[0] = hosts[0]!
    asked.push(hosts[size - 1]!)
  }
  const saidMs = field.nowMs
  for (const host of asked) field.say(host, people.raise(host))
  const backMs =
    trouble === 'crashes' ? crashes(field, asked[0]!, dice) : new Map<FieldHost, number>()
  for (let i = 0; i < 20; i++) {
    const [to, from] = [hosts[below(dice, size)]!, hosts[below(dice, size)]!]
    field.scheduler.at(saidMs + dice.unit() * STOP_MS, () => field.replay(to, from, [before, over]))
  }
  field.run(STOP_MS)
  if (trouble === 'partition') {
    field.isCut = () => false
    field.run(STOP_MS)
  }
  expectAll(field, hosts, true, 'is stopped, and nobody has released it')
  for (const host of hosts) {
    const stoppedMs = host.stoppedMs ?? Number.POSITIVE_INFINITY
    const back = backMs.get(host)
    if (stoppedMs === Number.POSITIVE_INFINITY) {
      field.violations.push(`host ${host.index} was never stopped`)
    } else if (back === undefined) told.stayedMs.push(stoppedMs - saidMs)
    else told.returnedMs.push(Math.max(0, stoppedMs - back))
    if (host.running > 0) field.violations.push(`host ${host.index} runs on`)
  }
  field.say(hosts[1]!, people.release(hosts[1]!))
  field.run(STOP_MS)
  expectAll(field, hosts, false, 'was released')
  return told
}

function crashes(
  field: Field,
  asked: FieldHost,
  dice: ReturnType<SeededEntropy['stream']>,
): Map<FieldHost, number> {
  const backMs = new Map<FieldHost, number>()
  for (const host of field.hosts) {
    if (host === asked || dice.unit() >= CRASH_SHARE) continue
    const downMs = field.nowMs + dice.unit() * CRASH_WITHIN_MS
    const upMs = downMs + AWAY_MS[0] + dice.unit() * (AWAY_MS[1] - AWAY_MS[0])
    backMs.set(host, upMs)
    field.scheduler.at(downMs, () => field.crash(host))
    field.scheduler.at(upMs, () => field.restart(host))
  }
  return backMs
}

function expectAll(
  field: Field,
  hosts: readonly FieldHost[],
  isStopped: boolean,
  what: string,
): void {
  for (const { index, core } of hosts) {
    if (core.latch.isAnyInForce === isStopped) continue
    field.violations.push(`host ${index} does not say that it ${what}`)
  }
}

/** One who may do both, and the mesh whose root vouches for that. */
class People {
  readonly trust
  private readonly credential: Credential
  private readonly signer: Signer
  private readonly nonces

  constructor(seed: string) {
    const chance = new SeededEntropy(`people/${seed}`)
    const root = signerFromSeed(chance.stream('root').bytes(32))
    this.signer = signerFromSeed(chance.stream('ada').bytes(32))
    this.nonces = chance.stream('nonces')
    const mesh = meshIdOf(root.id)
    this.trust = { mesh, isRevoked: () => false }
    const leaf = issueCertificate(
      {
        mesh,
        serial: '0'.repeat(32),
        kind: 'person',
        subject: this.signer.id,
        name: 'ada',
        roles: ['master'],
        labels: {},
        notBeforeMs: WALL_MS - YEAR_MS,
        notAfterMs: WALL_MS + YEAR_MS,
      },
      root,
    )
    this.credential = { leaf }
  }

  raise({ core }: FieldHost): StopWord {
    const epoch = core.latch.nextEpoch({ kind: 'mesh' })
    return this.signed({ act: 'raise', mode: 'kill', epoch, ...this.said() })
  }

  release({ core }: FieldHost): StopWord {
    const next = core.latch.nextRelease({ kind: 'mesh' })
    if (next === undefined) throw new Error('there is nothing to release')
    return this.signed({ act: 'release', ...next, ...this.said() })
  }

  private said() {
    const scope = { kind: 'mesh' } as const
    const nonce = this.nonces.bytes(16)
    return { mesh: this.trust.mesh, scope, reason: 'simulated', nonce, issuedMs: WALL_MS }
  }

  private signed(saying: Raise | Release): StopWord {
    const body = sayWord(saying)
    return { body, hands: [handOf(body, this.credential, this.signer)] }
  }
}
