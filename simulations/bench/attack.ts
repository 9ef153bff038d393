/**
 * `skein bench attack`: five real agents at work while one after another of the attacks on the
 * leader goes on, each in turn with the mesh alone and with a harmless process beside it that is as
 * busy as the attacker was. So what is told is what the mesh itself lost by refusing, and not that
 * somebody else used the processor.
 *
 * The attacker has an address of its own, as it would: the agents share theirs.
 */
import type { LocalNode } from '../mesh/layout.ts'
import type { AttackerTask } from './attack-attacker.ts'
import type { BusyNews, BusyOrder } from './attack-busy.ts'
import { type Attack, type AttackName, attackNames, attacks } from './attack-kinds.ts'
import { Trial, type Verdict } from './attack-trial.ts'
import { AttackWork } from './attack-work.ts'
import { Children } from './children.ts'
import { targetOf } from './fuzz-attack.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { wantedIn } from './only.ts'
import { type Figure, report } from './report.ts'

export interface AttackOptions {
  rounds: string
  /** Of the attacks, only those; all if it is empty. */
  only: string
  json: boolean
}

const AGENTS = 5
const WARM_UPS = 4
/** None slows the mesh by more than a tenth. */
const RATE_RATIO_MIN = 0.9
const HOP_RATIO_MAX = 1 / RATE_RATIO_MIN
/** Of the core that it works on: the agent has one thread for nearly all it does. */
const REFUSING_MAX = 0.1

export async function benchAttack(options: AttackOptions): Promise<number> {
  const names = wantedIn(options.only, attackNames, 'attack')
  const busy = new Children<BusyOrder, BusyNews>('attack-busy.ts', 1, {})
  try {
    const verdicts: Verdict[] = []
    let changes = 0
    for (const attack of names) {
      const { verdict, isChanged } = await underAttack(attack, busy, Number(options.rounds))
      if (isChanged) changes++
      process.stderr.write(`${line(verdict)}\n`)
      verdicts.push(verdict)
    }
    const title = `attack, ${AGENTS} agents, ${options.rounds} rounds`
    return report(title, figuresOf(verdicts, changes), options.json)
  } finally {
    await busy.stop()
  }
}

/**
 * Each by a mesh of its own: one that has done millions of stages collects its garbage for so long at
 * a time that in one kind's few rounds it falls on either side by chance.
 */
async function underAttack(
  attack: AttackName,
  busy: Children<BusyOrder, BusyNews>,
  rounds: number,
): Promise<{ verdict: Verdict; isChanged: boolean }> {
  const mesh = await Mesh.start(AGENTS)
  try {
    await leaderOfAll(mesh)
    const work = await AttackWork.on(mesh, new MeshRuns(mesh))
    for (let i = 0; i < WARM_UPS; i++) await work.measured()
    const leader = await leaderOfAll(mesh)
    const victim = mesh.nodes.find((node) => node.name === leader.name) as LocalNode
    const witness = mesh.nodes.find((node) => node.name !== leader.name) as LocalNode
    const { swarmKey, ...rest } = await targetOf(mesh, victim, witness)
    const target = { ...rest, swarmKey: Buffer.from(swarmKey).toString('base64') }
    const task: AttackerTask = { target, attack, seed: attack }
    const verdict = await new Trial(mesh, victim, work, busy, task).run(rounds)
    return { verdict, isChanged: (await leaderOfAll(mesh)).name !== leader.name }
  } finally {
    await mesh.stop()
  }
}

function line(verdict: Verdict): string {
  const { name, alone, attacked, control, attackerShare, controlShare, refusing } = verdict
  const percent = (share: number) => `${Math.round(share * 100)}%`
  const told = [
    `stages/s ${[alone, attacked, control].map(({ rate }) => Math.round(rate)).join(' / ')}`,
    `hop ${[alone, attacked, control].map(({ hopMs }) => hopMs.toFixed(2)).join(' / ')} ms`,
    `rate ${verdict.rateRatio.toFixed(2)}`,
    `hop ${verdict.hopRatio.toFixed(2)}`,
    `work ${verdict.cpuRatio.toFixed(2)}`,
    `attacker at ${percent(attackerShare)}, control at ${percent(controlShare)} of a core`,
    `refusing takes ${percent(refusing)}`,
    `${Math.round(verdict.sentPerSecond)} sent/s`,
    `${verdict.refused} refused`,
  ]
  return `${name} (alone / attacked / control): ${told.join(', ')}`
}

function figuresOf(verdicts: readonly Verdict[], changes: number): Figure[] {
  const kept = { metric: 'attacks under which the leader changed', unit: '', value: changes }
  return [...verdicts.flatMap(figuresOfOne), { ...kept, goal: '0', holds: changes === 0 }]
}

function figuresOfOne(verdict: Verdict): Figure[] {
  const { name, alone, attacked, control, rateRatio, hopRatio, refusing, refused } = verdict
  const isCounted = (attacks[name] as Attack).counted.length > 0
  return [
    {
      metric: `${name}: no-op stages under attack`,
      unit: 'stages/s',
      value: attacked.rate,
      peer: 'beside a busy process',
      peerValue: control.rate,
      ratio: rateRatio,
      goal: `ratio >= ${RATE_RATIO_MIN}`,
      holds: rateRatio >= RATE_RATIO_MIN,
    },
    {
      metric: `${name}: the same`,
      unit: 'stages/s',
      value: attacked.rate,
      peer: 'alone',
      peerValue: alone.rate,
      ratio: verdict.rateToAlone,
    },
    {
      metric: `${name}: hop under attack`,
      unit: 'ms',
      value: attacked.hopMs,
      peer: 'beside a busy process',
      peerValue: control.hopMs,
      ratio: hopRatio,
      goal: `ratio <= ${HOP_RATIO_MAX.toFixed(2)}`,
      holds: hopRatio <= HOP_RATIO_MAX,
    },
    {
      metric: `${name}: the same`,
      unit: 'ms',
      value: attacked.hopMs,
      peer: 'alone',
      peerValue: alone.hopMs,
      ratio: verdict.hopToAlone,
    },
    {
      metric: `${name}: processor time of all agents for a stage`,
      unit: 'ms',
      value: attacked.cpuMs,
      peer: 'beside a busy process',
      peerValue: control.cpuMs,
      ratio: verdict.cpuRatio,
    },
    {
      metric: `${name}: what refusing takes of an idle leader`,
      unit: 'of a core',
      value: refusing,
      goal: `<= ${REFUSING_MAX}`,
      holds: refusing <= REFUSING_MAX,
    },
    {
      metric: `${name}: the attacker itself`,
      unit: 'of a core',
      value: verdict.attackerShare,
      peer: 'the busy process',
      peerValue: verdict.controlShare,
    },
    { metric: `${name}: sent`, unit: '/s', value: Math.round(verdict.sentPerSecond) },
    {
      metric: `${name}: refused and counted`,
      unit: '',
      value: refused,
      ...(isCounted ? { goal: '> 0', holds: refused > 0 } : {}),
    },
  ]
}
