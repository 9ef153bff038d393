/**
 * One attack against its control: the mesh at work in turn alone, under attack, and beside a
 * harmless process that uses as much of a core as the attacker did. The ratios are those within one
 * round, and of all rounds the mean (of the logarithms, so that twice and half make one): what else
 * happens on the machine meets all three alike, and whoever comes first comes last in the next round,
 * for a mesh that goes on grows quicker, or fuller.
 */
import type { LocalNode } from '../mesh/layout.ts'
import { look } from '../mesh/looking.ts'
import type { AttackerNews, AttackerOrder, AttackerTask } from './attack-attacker.ts'
import type { BusyNews, BusyOrder } from './attack-busy.ts'
import { type Attack, type AttackName, attacks } from './attack-kinds.ts'
import type { AttackWork, Measured } from './attack-work.ts'
import { Children } from './children.ts'
import { cpuMs } from './idle.ts'
import type { Mesh } from './mesh.ts'
import { percentile } from './report.ts'

/** Of looking at an attack while the mesh has nothing else to do, once its first burst is over. */
const IDLE_MS = 5_000
const BURST_MS = 8_000
/** An attack is under way, and what may come at once is past: what is told is what lasts. */
const SETTLE_MS = 3_000
const NEWS_DEADLINE_MS = 120_000

interface Beside {
  measured: Measured
  /** Of one core, that was used beside the mesh. */
  share: number
}

interface Round {
  alone: Measured
  attacked: Beside & { sentPerSecond: number }
  control: Beside
}

export interface Verdict {
  name: AttackName
  alone: Measured
  attacked: Measured
  control: Measured
  /** Attacked, against the control, and against nothing beside. */
  rateRatio: number
  hopRatio: number
  cpuRatio: number
  rateToAlone: number
  hopToAlone: number
  /** Of one core: what the attacker used, and what the control did. */
  attackerShare: number
  controlShare: number
  /** Of one core, that the attacked agent used for it when it had nothing else to do. */
  refusing: number
  sentPerSecond: number
  refused: number
}

export class Trial {
  private readonly mesh: Mesh
  private readonly victim: LocalNode
  private readonly work: AttackWork
  private readonly busy: Children<BusyOrder, BusyNews>
  private readonly task: AttackerTask

  constructor(
    mesh: Mesh,
    victim: LocalNode,
    work: AttackWork,
    busy: Children<BusyOrder, BusyNews>,
    task: AttackerTask,
  ) {
    this.mesh = mesh
    this.victim = victim
    this.work = work
    this.busy = busy
    this.task = task
  }

  async run(rounds: number): Promise<Verdict> {
    const name = this.task.attack
    const attacker = new Children<AttackerOrder, AttackerNews>('attack-attacker.ts', 1, this.task)
    const all: Round[] = []
    try {
      const before = await refusalsOf(this.victim)
      const refusing = await this.refusing(attacker)
      for (let round = 0, share = 0; round <= rounds; round++) {
        const measured = await this.round(attacker, round % 2 === 0 ? undefined : share)
        share = measured.attacked.share
        // The first is for warming up: what is loaded, compiled and learnt then is not told.
        if (round > 0) all.push(measured)
        process.stderr.write(roundText(name, round, measured))
      }
      const refused = risen(name, before, await refusalsOf(this.victim))
      return { name, refusing, refused, ...summed(all) }
    } finally {
      await attacker.stop()
    }
  }

  /** The control comes before the attack where it is known what share that takes. */
  private async round(
    attacker: Children<AttackerOrder, AttackerNews>,
    share: number | undefined,
  ): Promise<Round> {
    if (share === undefined) {
      const alone = await this.work.measured()
      const attacked = await this.attacked(attacker)
      return { alone, attacked, control: await this.accompanied(attacked.share) }
    }
    const control = await this.accompanied(share)
    const attacked = await this.attacked(attacker)
    return { alone: await this.work.measured(), attacked, control }
  }

  /** What the attack takes of the attacked agent while nobody works, and more than it takes anyway. */
  private async refusing(attacker: Children<AttackerOrder, AttackerNews>): Promise<number> {
    const atRest = await this.victimShare()
    attacker.forget()
    attacker.tell('strike')
    await this.mesh.rest(BURST_MS)
    const attacked = await this.victimShare()
    attacker.tell('rest')
    await attacker.until(([one]) => one !== undefined, NEWS_DEADLINE_MS)
    return attacked - atRest
  }

  private async victimShare(): Promise<number> {
    const [startedMs, before] = [performance.now(), cpuMs(this.victim.pid)]
    await this.mesh.rest(IDLE_MS)
    return (cpuMs(this.victim.pid) - before) / (performance.now() - startedMs)
  }

  private async attacked(
    attacker: Children<AttackerOrder, AttackerNews>,
  ): Promise<Round['attacked']> {
    attacker.forget()
    attacker.tell('strike')
    const startedMs = performance.now()
    await this.mesh.rest(SETTLE_MS)
    const measured = await this.work.measured()
    const forMs = performance.now() - startedMs
    attacker.tell('rest')
    const [news] = await attacker.until(([one]) => one !== undefined, NEWS_DEADLINE_MS)
    const { cpuMs: used, sent } = news as AttackerNews
    return { measured, share: used / forMs, sentPerSecond: sent / (forMs / 1_000) }
  }

  private async accompanied(share: number): Promise<Beside> {
    this.busy.forget()
    this.busy.tell({ share: Math.max(0.01, share) })
    const startedMs = performance.now()
    await this.mesh.rest(SETTLE_MS)
    const measured = await this.work.measured()
    const forMs = performance.now() - startedMs
    this.busy.tell({ share: 0 })
    const [news] = await this.busy.until(([one]) => one !== undefined, NEWS_DEADLINE_MS)
    return { measured, share: (news as BusyNews).cpuMs / forMs }
  }
}

function roundText(name: AttackName, round: number, { alone, attacked, control }: Round): string {
  const rates = [alone, attacked.measured, control.measured].map(({ rate }) => Math.round(rate))
  const which = round === 0 ? 'to warm up' : `round ${round}`
  return `${name}, ${which}: stages/s alone, attacked and control ${rates.join(', ')}\n`
}

function summed(all: readonly Round[]): Omit<Verdict, 'name' | 'refusing' | 'refused'> {
  const median = (of: (round: Round) => number) => percentile(all.map(of), 0.5)
  const measured = (of: (round: Round) => Measured): Measured => ({
    rate: median((round) => of(round).rate),
    hopMs: median((round) => of(round).hopMs),
    cpuMs: median((round) => of(round).cpuMs),
  })
  const ratio = (of: keyof Measured, to: (round: Round) => Measured) => {
    const logs = all.map((round) => Math.log(round.attacked.measured[of] / to(round)[of]))
    return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length)
  }
  const control = (round: Round) => round.control.measured
  const alone = (round: Round) => round.alone
  return {
    alone: measured(alone),
    attacked: measured(({ attacked }) => attacked.measured),
    control: measured(control),
    rateRatio: ratio('rate', control),
    hopRatio: ratio('hopMs', control),
    cpuRatio: ratio('cpuMs', control),
    rateToAlone: ratio('rate', alone),
    hopToAlone: ratio('hopMs', alone),
    attackerShare: median(({ attacked }) => attacked.share),
    controlShare: median((round) => round.control.share),
    sentPerSecond: median(({ attacked }) => attacked.sentPerSecond),
  }
}

type Counts = Readonly<Record<string, number>>

/** Who was refused often enough is not even let in to be refused for what it does. */
function risen(name: AttackName, before: Counts, after: Counts): number {
  const { counted }: Attack = attacks[name]
  const all = [...counted, 'connectionRate', 'streamFlood', 'banned', 'bannedPeer']
  return [...new Set(all)].reduce((sum, why) => sum + (after[why] ?? 0) - (before[why] ?? 0), 0)
}

async function refusalsOf(victim: LocalNode): Promise<Counts> {
  const text = await (await look(victim, '/metrics')).text()
  const counts: Record<string, number> = {}
  const lines = text.matchAll(/^skein_(?:api_)?refused\{reason="(\w+)"\} (\S+)/gm)
  for (const [, why = '', count] of lines) counts[why] = (counts[why] ?? 0) + Number(count)
  return counts
}
