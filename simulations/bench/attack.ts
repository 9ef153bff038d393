/**
 * `skein bench attack`: five real agents at work while one after another of the attacks on the
 * leader goes on, each beside a harmless process that is as busy as the attacker was. So what is
 * told is what the mesh itself lost by refusing, and not that somebody else used the processor.
 *
 * An attack and what it is compared with take turns, and the ratio is that of the medians: what
 * else happens on the machine meets both alike.
 */
import { type LocalNode, meshAddressOf } from '../mesh/layout.ts'
import { look } from '../mesh/looking.ts'
import type { AttackerNews, AttackerOrder, AttackerTask } from './attack-attacker.ts'
import type { BusyNews, BusyOrder } from './attack-busy.ts'
import { type Attack, type AttackName, attackNames, attacks } from './attack-kinds.ts'
import { Children } from './children.ts'
import { targetOf } from './fuzz-attack.ts'
import { cpuMs } from './idle.ts'
import { LedgerClient } from './ledger-client.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { type Figure, percentile, report } from './report.ts'

export interface AttackOptions {
  rounds: string
  /** Of the attacks, only those; all if it is empty. */
  only: string
  json: boolean
}

const AGENTS = 5
const CLIENTS = 16
const KEYS = 10_000
const ENTRY_BYTES = 256
const TIMEOUT_MS = 30_000
const WARM_UP_MS = 5_000
/** Of one measurement: many writers, and then one. */
const RATE_MS = 1_500
const SINGLE_MS = 750
/** Of looking at an attack alone. */
const ALONE_MS = 3_000
/** An attack is under way, and what it has begun with is past. */
const SETTLE_MS = 500
const NEWS_DEADLINE_MS = 30_000
/** None slows the mesh by more than a tenth. */
const RATE_RATIO_MIN = 0.9
const TIME_RATIO_MAX = 1.1
/** Of the core that it works on: the agent has one thread for nearly all it does. */
const REFUSING_MAX = 0.1

interface Measured {
  rate: number
  singleMs: number
  /** Of all agents, for each write; where the machine is shared, this tells more than the clock. */
  cpuMs: number
}

interface Verdict {
  name: AttackName
  rateRatio: number
  timeRatio: number
  cpuRatio: number
  rate: number
  besideRate: number
  /** Of one core, that the attacker used. */
  share: number
  /** Of one core, that the attacked agent used for it when it had nothing else to do. */
  refusing: number
  struckPerSecond: number
  refused: number
}

export async function benchAttack(options: AttackOptions): Promise<number> {
  const wanted = options.only.split(',').filter((name) => name !== '')
  const names = attackNames.filter((name) => wanted.length === 0 || wanted.includes(name))
  const mesh = await Mesh.start(AGENTS)
  let client: LedgerClient | undefined
  const busy = new Children<BusyOrder, BusyNews>('attack-busy.ts', 1, {})
  try {
    const addresses = mesh.nodes.map(meshAddressOf)
    const writer = await LedgerClient.connect(addresses, mesh.swarmKeyFile)
    client = writer
    let leader = await leaderOfAll(mesh)
    let changes = 0
    const put: Put = async (key, value) => {
      for (;;) {
        const asked = leader.id
        const appended = await writer.put(asked, key, value, TIMEOUT_MS)
        if (appended.kind === 'applied') return
        // The same key and value again do no harm, whatever became of the first.
        const isPast = appended.kind === 'unknown' || appended.why === 'notLeader'
        if (!isPast && appended.why !== 'overloaded')
          throw new Error(`a write failed: ${JSON.stringify(appended)}`)
        const other = await leaderOfAll(mesh)
        if (other.id !== leader.id) changes++
        leader = other
      }
    }
    await many(put, WARM_UP_MS)
    const verdicts: Verdict[] = []
    for (const name of names) {
      const victim = mesh.nodes.find((node) => node.name === leader.name) as LocalNode
      const witness = mesh.nodes.find((node) => node.name !== leader.name) as LocalNode
      const { swarmKey, ...rest } = await targetOf(mesh, victim, witness)
      const target = { ...rest, swarmKey: Buffer.from(swarmKey).toString('base64') }
      const task: AttackerTask = { target, attack: name, seed: name }
      const trial = new Trial(mesh, victim, put, busy, task)
      const verdict = await trial.run(name, Number(options.rounds))
      process.stderr.write(`${line(verdict)}\n`)
      verdicts.push(verdict)
    }
    const title = `attack, ${AGENTS} agents, ${CLIENTS} writers, ${options.rounds} rounds`
    return report(title, figuresOf(verdicts, changes), options.json)
  } finally {
    await busy.stop()
    await client?.stop()
    await mesh.stop()
  }
}

type Put = (key: string, value: Uint8Array) => Promise<void>

/** One attack against its control. */
class Trial {
  private readonly mesh: Mesh
  private readonly victim: LocalNode
  private readonly put: Put
  private readonly busy: Children<BusyOrder, BusyNews>
  private readonly task: AttackerTask

  constructor(
    mesh: Mesh,
    victim: LocalNode,
    put: Put,
    busy: Children<BusyOrder, BusyNews>,
    task: AttackerTask,
  ) {
    this.mesh = mesh
    this.victim = victim
    this.put = put
    this.busy = busy
    this.task = task
  }

  async run(name: AttackName, rounds: number): Promise<Verdict> {
    const attacker = new Children<AttackerOrder, AttackerNews>('attack-attacker.ts', 1, this.task)
    // Who was refused often enough is not even let in to be refused for what it does.
    const counted = [...(attacks[name] as Attack).counted, 'offender', 'banned', 'bannedPeer']
    const under: Measured[] = []
    const beside: Measured[] = []
    const shares: number[] = []
    const struck: number[] = []
    try {
      const before = await refusalsOf(this.victim)
      const refusing = await this.refusing(attacker)
      for (let round = 0; round <= rounds; round++) {
        const attack = await this.attacked(attacker)
        const control = await this.accompanied(attack.share)
        // The first is for warming up: what is loaded, compiled and learnt then is not told.
        if (round === 0) continue
        under.push(attack.measured)
        beside.push(control)
        shares.push(attack.share)
        struck.push(attack.struckPerSecond)
      }
      const after = await refusalsOf(this.victim)
      const refused = counted.reduce((sum, why) => sum + (after[why] ?? 0) - (before[why] ?? 0), 0)
      const median = (all: readonly Measured[], of: keyof Measured) =>
        percentile(
          all.map((one) => one[of]),
          0.5,
        )
      const ratios = (of: keyof Measured) =>
        percentile(
          under.map((one, i) => one[of] / (beside[i] as Measured)[of]),
          0.5,
        )
      return {
        name,
        rateRatio: ratios('rate'),
        timeRatio: ratios('singleMs'),
        cpuRatio: ratios('cpuMs'),
        rate: median(under, 'rate'),
        besideRate: median(beside, 'rate'),
        share: percentile(shares, 0.5),
        struckPerSecond: percentile(struck, 0.5),
        refusing,
        refused,
      }
    } finally {
      await attacker.stop()
    }
  }

  /** What the attack takes of the attacked agent while nobody writes, and more than it takes anyway. */
  private async refusing(attacker: Children<AttackerOrder, AttackerNews>): Promise<number> {
    const atRest = await this.victimShare()
    attacker.forget()
    attacker.tell('strike')
    await this.mesh.rest(SETTLE_MS)
    const attacked = await this.victimShare()
    attacker.tell('rest')
    await attacker.until(([one]) => one !== undefined, NEWS_DEADLINE_MS)
    return attacked - atRest
  }

  private async victimShare(): Promise<number> {
    const [startedMs, before] = [performance.now(), cpuMs(this.victim.pid)]
    await this.mesh.rest(ALONE_MS)
    return (cpuMs(this.victim.pid) - before) / (performance.now() - startedMs)
  }

  private async attacked(attacker: Children<AttackerOrder, AttackerNews>) {
    attacker.forget()
    attacker.tell('strike')
    const startedMs = performance.now()
    const measured = await this.measured()
    const forMs = performance.now() - startedMs
    attacker.tell('rest')
    const [news] = await attacker.until(([one]) => one !== undefined, NEWS_DEADLINE_MS)
    const { cpuMs, sent } = news as AttackerNews
    return { measured, share: cpuMs / forMs, struckPerSecond: sent / (forMs / 1_000) }
  }

  private async accompanied(share: number): Promise<Measured> {
    this.busy.forget()
    this.busy.tell({ share: Math.max(0.01, share) })
    const measured = await this.measured()
    this.busy.tell({ share: 0 })
    await this.busy.until(([one]) => one !== undefined, NEWS_DEADLINE_MS)
    return measured
  }

  private async measured(): Promise<Measured> {
    await this.mesh.rest(SETTLE_MS)
    const before = this.usedMs()
    const { count, forMs } = await many(this.put, RATE_MS)
    const used = this.usedMs() - before
    const times = await single(this.put, SINGLE_MS)
    return {
      rate: count / (forMs / 1_000),
      singleMs: percentile(times, 0.5),
      cpuMs: used / count,
    }
  }

  private usedMs(): number {
    return this.mesh.nodes.reduce((sum, { pid }) => sum + cpuMs(pid), 0)
  }
}

async function many(put: Put, forMs: number): Promise<{ count: number; forMs: number }> {
  const startedMs = performance.now()
  let count = 0
  const writer = async () => {
    while (performance.now() - startedMs < forMs) await write(put, count++)
  }
  await Promise.all(Array.from({ length: CLIENTS }, writer))
  return { count, forMs: performance.now() - startedMs }
}

async function single(put: Put, forMs: number): Promise<number[]> {
  const times: number[] = []
  const endMs = performance.now() + forMs
  for (let i = 0; performance.now() < endMs; i++) {
    const startedMs = performance.now()
    await write(put, i)
    times.push(performance.now() - startedMs)
  }
  return times
}

async function write(put: Put, i: number): Promise<void> {
  await put(`key-${i % KEYS}`, new Uint8Array(ENTRY_BYTES).fill(i & 255))
}

async function refusalsOf(victim: LocalNode): Promise<Record<string, number>> {
  const text = await (await look(victim, '/metrics')).text()
  const counts: Record<string, number> = {}
  const lines = text.matchAll(/^skein_(?:api_)?refused\{reason="(\w+)"\} (\S+)/gm)
  for (const [, why = '', count] of lines) counts[why] = (counts[why] ?? 0) + Number(count)
  return counts
}

function line(verdict: Verdict): string {
  const { name, rateRatio, timeRatio, cpuRatio, share, refusing, struckPerSecond, refused } =
    verdict
  const told = [
    `rate ${rateRatio.toFixed(2)}`,
    `time ${timeRatio.toFixed(2)}`,
    `work ${cpuRatio.toFixed(2)}`,
    `attacker at ${Math.round(share * 100)}% of a core`,
    `refusing takes ${Math.round(refusing * 100)}%`,
    `${Math.round(struckPerSecond)} sent/s`,
    `${refused} refused`,
  ]
  return `${name}: ${told.join(', ')}`
}

function figuresOf(verdicts: readonly Verdict[], changes: number): Figure[] {
  return [
    ...verdicts.flatMap((verdict): Figure[] => {
      const { name, rate, besideRate, rateRatio, timeRatio, refused } = verdict
      const counted = (attacks[name] as Attack).counted.length > 0
      return [
        {
          metric: `${name}: writes under attack`,
          unit: '/s',
          value: rate,
          peer: 'beside a busy process',
          peerValue: besideRate,
          ratio: rateRatio,
          goal: `ratio >= ${RATE_RATIO_MIN}`,
          holds: rateRatio >= RATE_RATIO_MIN,
        },
        {
          metric: `${name}: time of one write, against that`,
          unit: '×',
          value: timeRatio,
          goal: `<= ${TIME_RATIO_MAX}`,
          holds: timeRatio <= TIME_RATIO_MAX,
        },
        { metric: `${name}: work for one write, against that`, unit: '×', value: verdict.cpuRatio },
        {
          metric: `${name}: what refusing takes of the leader`,
          unit: 'of a core',
          value: verdict.refusing,
          goal: `<= ${REFUSING_MAX}`,
          holds: verdict.refusing <= REFUSING_MAX,
        },
        { metric: `${name}: attacker`, unit: 'of a core', value: verdict.share },
        { metric: `${name}: sent`, unit: '/s', value: Math.round(verdict.struckPerSecond) },
        {
          metric: `${name}: refused and counted`,
          unit: '',
          value: refused,
          ...(counted ? { goal: '> 0', holds: refused > 0 } : {}),
        },
      ]
    }),
    { metric: 'changes of leader', unit: '', value: changes, goal: '0', holds: changes === 0 },
  ]
}
