/** A plan for eyes: stages in their order, where each would run and why, and what stands against it. */

import type * as z from 'zod'
import type { Planned, PlannedPlace, PlannedStage } from '../api/plan-schemas.ts'
import type { Context } from './context.ts'
import { ABSENT, age, bytes, percent } from './figures.ts'
import { type Io, paint } from './io.ts'
import type { PlanFlags } from './plan.ts'
import { plain, table, wrapped } from './table.ts'

type Stage = z.infer<typeof PlannedStage>
type Place = z.infer<typeof PlannedPlace>

export function planText(
  planned: Planned,
  file: string,
  flags: PlanFlags,
  { io, quiet }: Context,
): string {
  const parts = [
    headline(planned, io),
    stageTable(planned, io),
    structureText(planned, io),
    expectedText(planned, io),
    chanceText(planned, io),
    unknownText(planned, io),
    refusalText(planned, io),
    secretText(planned, io),
    hintText(planned, io),
    closing(planned, file, flags, io, quiet),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function headline({ workflow, hosts, agent, policy }: Planned, io: Io): string {
  const alive = hosts.filter(({ state }) => state === 'alive').length
  const of =
    alive === hosts.length
      ? counted(alive, 'host')
      : `${alive} of ${counted(hosts.length, 'host')} alive`
  const name = paint(io, 'bold', plain(workflow.name))
  return `${name}: ${counted(workflow.stages, 'stage')}, ${of}; planned by ${plain(agent)}, policy ${plain(policy)}\n`
}

function stageTable({ stages }: Planned, io: Io): string {
  const columns = [
    { title: 'LEVEL', right: true },
    { title: 'STAGE', cutTo: 16 },
    { title: 'STEP', leave: 2 },
    { title: 'NEEDS', cutTo: 12, leave: 3 },
    { title: 'ITEMS', right: true, leave: 4 },
    { title: 'TIME', right: true, leave: 1 },
    { title: 'P90', right: true, leave: 3 },
    { title: 'SUCCEEDS', right: true, leave: 6 },
    { title: 'PEAK', right: true, leave: 2 },
    { title: 'ASKS', right: true, leave: 2 },
    { title: 'FROM', leave: 7 },
    { title: 'WHERE', cutTo: 16 },
    { title: 'WHY', cutTo: 16, leave: 5 },
  ]
  const isTimed = stages.some(({ expected }) => expected?.time?.n !== undefined)
  const rows = stages.map((stage) => [
    levelOf(stage),
    `${plain(stage.name)}${stage.isCritical ? '*' : ''}`,
    stage.step,
    plain(stage.needs.join(' ')) || ABSENT,
    itemsOf(stage),
    timeOf(stage, isTimed),
    age(stage.expected?.time?.n === undefined ? undefined : stage.expected.time.p90Ms),
    percent(stage.expected?.odds?.share),
    bytes(stage.expected?.memory?.p90Bytes),
    bytes(stage.asksMemoryBytes),
    sourceOf(stage),
    where(stage.place, io),
    why(stage),
  ])
  // A column of nothing but dashes says nothing.
  const shown = columns.map((_, i) => rows.some((row) => row[i] !== ABSENT))
  return `${table(
    columns.filter((_, i) => shown[i]),
    rows.map((row) => row.filter((_, i) => shown[i])),
    io.columns(),
  )}\n`
}

function levelOf({ level, role, section }: Stage): string {
  if (role !== 'ordinary') return role
  if (section !== 'stages') return section
  return String(level ?? ABSENT)
}

/** Unknown is worth a word only beside stages of which something is known. */
function timeOf({ expected, kind }: Stage, isTimed: boolean): string {
  if (expected?.time !== undefined) return age(expected.time.p50Ms)
  return isTimed && kind !== undefined ? 'unknown' : ABSENT
}

/** Whose word the time is, or else the odds. */
function sourceOf({ expected }: Stage): string {
  const told = expected?.time ?? expected?.odds
  if (told?.n === undefined) return ABSENT
  const by = expected?.time?.by
  if (by !== undefined) return `model ${by.slice(0, 8)} n=${told.n}`
  return `${told.source === 'history' ? 'history' : 'similar'} n=${told.n}`
}

function itemsOf({ forEach }: Stage): string {
  if (forEach === undefined) return ABSENT
  const items = forEach.items === undefined ? '?' : String(forEach.items)
  return forEach.limit === undefined ? items : `${items}/${forEach.limit}`
}

function where(place: Place, io: Io): string {
  switch (place.by) {
    case 'host':
      return place.hosts
        .map(({ name, units }) => (units === 1 ? plain(name) : `${plain(name)}×${units}`))
        .join(' ')
    case 'nobody':
      return paint(io, 'red', 'nowhere')
    case 'later':
      return paint(io, 'yellow', 'waits for room')
    case 'untold':
      return ABSENT
    default:
      return paint(io, 'dim', wordsOf[place.by])
  }
}

const wordsOf = { leader: 'the leader', skipped: 'skipped', call: 'when called' } as const

function why({ place, race }: Stage): string {
  if (place.by !== 'host') return ABSENT
  const reasons = place.why.map(({ message }) => plain(message)).join('; ')
  const told = race ? `raced when it is late; ${reasons}` : reasons
  return place.waits ? `when there is room; ${told}` : told
}

function structureText({ criticalPath, widths, tracks }: Planned, io: Io): string {
  const { stages, basis, lengthMs } = criticalPath
  if (stages.length === 0) return ''
  const told = {
    time: `${age(lengthMs)} in all`,
    partly: `at least ${age(lengthMs)}; of some stages no time is known`,
    length: `${counted(stages.length, 'stage')}; no times are known`,
  }[basis]
  const path = wrapped('* critical path: ', arrows(stages), io.columns(), 4, '')
  const widest = Math.max(...widths)
  const shape = `  ${counted(widths.length, 'level')}, up to ${counted(widest, 'stage')} side by side; ${counted(tracks.length, 'track')}`
  return `${path} (${told})\n${shape}\n`
}

function expectedText({ expected, stages }: Planned, io: Io): string {
  if (expected === undefined) return ''
  const { time, odds, untimed, untimedUntold } = expected
  // Of waits alone the critical path says all there is to say.
  if (!stages.some((stage) => stage.expected?.time?.n !== undefined)) return ''
  const without = untimed.length + untimedUntold
  const known =
    time === undefined ? '' : `${age(time.p50Ms)}, nine times in ten under ${age(time.p90Ms)}`
  // What the others take comes on top, so that there is no upper end.
  const least = time === undefined ? 'unknown' : `at least ${age(time.p50Ms)}`
  const whole = without > 0 || time === undefined ? least : known
  const chance =
    odds === undefined
      ? 'unknown'
      : `${percent(odds.share)} (${percent(odds.low)} to ${percent(odds.high)})`
  const lines = [
    `${paint(io, 'bold', 'Expected')}: ${whole}; chance of success ${chance}`,
    ...(without === 0
      ? []
      : [wrapped('  unknown: ', unknownNames(untimed, untimedUntold), io.columns(), 4)]),
  ]
  return `${lines.join('\n')}\n`
}

/** Where it matters why. */
const LIKELY = 0.95

function chanceText({ stages, hosts }: Planned, io: Io): string {
  const nameOf = (node = '') => plain(hosts.find(({ id }) => id === node)?.name ?? node)
  const lines = stages.flatMap(({ name, expected }) => {
    const { share, low, high, factors = [] } = expected?.odds ?? { share: 1 }
    if (share >= LIKELY && factors.length < 2) return []
    const words = factors.map((each) => {
      const of = percent(each.share)
      if (each.factor === 'all') return `${of} of ${each.n} succeeded`
      if (each.factor === 'lately') return `${of} of the newest ${each.n}`
      if (each.factor === 'host') return `${of} of ${each.n} on ${nameOf(each.node)}`
      return `${of} in ${each.n} tries`
    })
    const first = `  ${plain(name)}: ${percent(share)} (${percent(low)} to ${percent(high)}): `
    return [wrapped(first, words, io.columns(), 4)]
  })
  return lines.length === 0
    ? ''
    : `${paint(io, 'bold', 'Chances of one attempt')}\n${lines.join('\n')}\n`
}

function unknownNames(untimed: readonly string[], untold: number): string[] {
  return [...untimed.map(plain), ...(untold > 0 ? [`and ${counted(untold, 'stage')} more`] : [])]
}

/** A long way by its two ends. */
const STAGES_SHOWN_MAX = 24

function arrows(stages: readonly string[]): string[] {
  const all = stages.map(plain)
  const left = all.length - STAGES_SHOWN_MAX
  const middle = `(${counted(left, 'stage')} more)`
  const shown =
    left <= 0
      ? all
      : [...all.slice(0, STAGES_SHOWN_MAX / 2), middle, ...all.slice(-STAGES_SHOWN_MAX / 2)]
  return shown.map((name, i) => (i === 0 ? name : `→ ${name}`))
}

function unknownText({ stages }: Planned, io: Io): string {
  const lines = stages.flatMap(({ name, unknown }) =>
    unknown.map((each) => `  ${plain(name)}: ${plain(each.where)}, for ${plain(each.why)}`),
  )
  return lines.length === 0
    ? ''
    : `${paint(io, 'bold', 'Only the run will know')}\n${lines.join('\n')}\n`
}

function refusalText({ kinds, kindsUntold }: Planned, io: Io): string {
  // Kinds may differ in what no host minds: for eyes they are one.
  const stagesOf = new Map<string, string[]>()
  for (const { stages, verdicts = [] } of kinds) {
    const lines = verdicts
      .filter(({ refusals }) => refusals.length > 0)
      .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
      .map(({ name, refusals }) => {
        return `    ${plain(name)}: ${refusals.map(({ message }) => plain(message)).join('; ')}`
      })
      .join('\n')
    stagesOf.set(lines, [...(stagesOf.get(lines) ?? []), ...stages.map(plain)])
  }
  stagesOf.delete('')
  const blocks = [...stagesOf].map(
    ([lines, stages]) => `${wrapped('  ', stages, io.columns(), 2)}\n${lines}`,
  )
  if (kindsUntold > 0) blocks.push(`  … and ${counted(kindsUntold, 'kind')} of places more`)
  return blocks.length === 0
    ? ''
    : `${paint(io, 'bold', 'Refused on these hosts')}\n${blocks.join('\n')}\n`
}

function secretText({ secretsMissing }: Planned, io: Io): string {
  if (secretsMissing.length === 0) return ''
  const lines = secretsMissing.map((name) => {
    return `  ${paint(io, 'red', plain(name))}: the mesh has none of that name; skein secret set ${plain(name)}`
  })
  return `${paint(io, 'bold', 'Missing secrets')}\n${lines.join('\n')}\n`
}

function hintText({ hints, hintsUntold }: Planned, io: Io): string {
  if (hints.length === 0) return ''
  const lines = hints.map(({ code, stage, message }) => {
    const style = code === 'impossible' ? 'red' : 'yellow'
    return `  ${paint(io, style, plain(stage))}: ${plain(message)}`
  })
  if (hintsUntold > 0) lines.push(`  … and ${hintsUntold} more`)
  return `${paint(io, 'bold', 'Hints')}\n${lines.join('\n')}\n`
}

function closing(
  { hash }: Planned,
  file: string,
  { input = [], inputs }: PlanFlags,
  io: Io,
  quiet: boolean,
): string {
  const first = `plan ${paint(io, 'cyan', plain(hash))}\n`
  if (quiet || !io.terminal || file === '-') return first
  const pairs = input.map((pair) => ` -i ${quoted(pair)}`).join('')
  const given = `${inputs === undefined ? '' : ` --inputs ${quoted(inputs)}`}${pairs}`
  return `${first}  skein run ${quoted(file)}${given} --plan ${plain(hash)}\n  runs it unless the workflow, its inputs or the hosts that could run it have changed\n`
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  const shown = plain(text)
  return /^[\w@%+=:,./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`
}

function counted(number: number, one: string): string {
  return number === 1 ? `1 ${one}` : `${number} ${one}s`
}
