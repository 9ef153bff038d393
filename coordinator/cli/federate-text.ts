/** Federated rounds in words and tables. */
import { federationLimits } from '../../models/federation/limits.ts'
import { formatDuration } from '../../protocol/units.ts'
import type { FederatedRound, Federation } from '../api/federation-routes.ts'
import { ABSENT, age, bytes, clockTime } from './figures.ts'
import { plain, table } from './table.ts'

type Settings = Federation['settings']

const phases: Readonly<Record<FederatedRound['phase'], string>> = {
  inviting: 'is inviting hosts',
  training: 'has hosts train on their own histories',
  masking: 'sums under masks what they have to say',
  voting: 'has hosts vote on what came of it',
  ended: 'has ended',
}

/** While it goes on. */
export function underWay({ number, phase, hosts }: FederatedRound): string {
  const present = hosts.filter(({ out }) => out === undefined)
  const gone = hosts.filter(({ out }) => out !== undefined)
  const count = phase === 'inviting' ? '' : `, ${countOf(present.length, 'host')} in it`
  const without = gone.map(({ name }) => plain(name)).join(', ')
  return `round ${number} ${phases[phase]}${count}${gone.length > 0 ? `, without ${without}` : ''}`
}

export function stoppedText({ by, atMs, reason }: NonNullable<Federation['stopped']>): string {
  const why = reason === undefined ? '' : `: ${plain(reason)}`
  return `${plain(by)} has stopped what was asked for, at ${clockTime(atMs)}${why}`
}

const ends = { open: 'is under way', kept: 'kept', rejected: 'rejected', failed: 'failed' } as const

/** When it is over. */
export function inOneLine(round: FederatedRound): string {
  const { number, state, why, hosts } = round
  const what = round.family === 'trees' ? 'round of trees' : 'round'
  const parts = [`${what} ${number} ${ends[state]}: ${plain(why)}`]
  if (round.lossBefore !== undefined && round.lossAfter !== undefined) {
    parts.push(`loss ${loss(round.lossBefore)} → ${loss(round.lossAfter)}`)
  }
  const halves = halvesText(round)
  if (halves !== undefined) parts.push(halves)
  const counted = hosts.filter((host) => host.counted).length
  if (hosts.length > 0) parts.push(`${counted} of ${countOf(hosts.length, 'host')} counted`)
  if (round.instead !== undefined) parts.push(insteadText(round.family, round.instead))
  parts.push(`at most ${bytes(round.upBytesMax)} up, ${bytes(round.downBytesMax)} down of a host`)
  const took = tookOf(round)
  if (took !== undefined) parts.push(age(took))
  return parts.join('; ')
}

function insteadText(family: FederatedRound['family'], why: string): string {
  return `it was the turn of ${family === 'net' ? 'trees' : 'the network'}, but ${plain(why)}`
}

/** Undefined of a round that was one sum. */
function halvesText({ firstBy, spoiledHalf }: FederatedRound): string | undefined {
  if (spoiledHalf !== undefined) return `of its halves, ${nth(spoiledHalf)} was spoiled`
  if (firstBy === undefined) return undefined
  const better = nth(firstBy < 0 ? 2 : 1)
  return `of its halves, ${better} is better by ${(100 * (1 - Math.exp(-Math.abs(firstBy)))).toFixed(1)}%`
}

const nth = (half: number) => (half === 1 ? 'the first' : 'the second')

/** Whom most rounds are done without, and how halves tell; nothing where nobody has learned yet. */
export function suspectLines({ suspects, round }: Federation): string[] {
  const lines = suspects.map(
    ({ name, worse, of }) =>
      `suspect  ${plain(name)} (in the worse half of ${worse} of ${of} rounds): most rounds are done without it`,
  )
  const { candidate, hosts = [] } = round ?? {}
  if (candidate !== undefined && hosts.every(({ half }) => half === undefined)) {
    lines.push(
      `halves   none: the last round was one sum; from ${2 * federationLimits.clientsMin} hosts on it is two, which tell who makes rounds worse`,
    )
  }
  return lines
}

export function hostTable({ hosts }: FederatedRound, columns: number): string {
  const titles = [
    { title: 'HOST', cutTo: 16 },
    { title: 'ROWS', right: true, leave: 2 },
    { title: 'BEFORE', right: true },
    { title: 'AFTER', right: true },
    { title: 'UP', right: true, leave: 3 },
    { title: 'DOWN', right: true, leave: 4 },
    { title: 'COUNTED' },
    { title: 'WHY NOT', cutTo: 24, leave: 1 },
  ]
  const rows = hosts.map((host) => [
    plain(host.name),
    host.rows === 0 ? ABSENT : `~${host.rows}`,
    loss(host.before),
    loss(host.after),
    bytes(host.upBytes),
    bytes(host.downBytes),
    host.counted ? 'yes' : 'no',
    host.why === undefined ? '' : plain(host.why),
  ])
  return table(titles, rows, columns)
}

export function roundTable(rounds: readonly FederatedRound[], columns: number): string {
  const titles = [
    { title: 'ROUND', right: true },
    { title: 'OF', leave: 8 },
    { title: 'BEGAN', leave: 3 },
    { title: 'TOOK', right: true, leave: 4 },
    { title: 'STATE' },
    { title: 'COUNTED', right: true },
    { title: 'BEFORE', right: true, leave: 6 },
    { title: 'AFTER', right: true, leave: 7 },
    { title: 'UP', right: true, leave: 1 },
    { title: 'DOWN', right: true, leave: 2 },
    { title: 'WHY', cutTo: 24, leave: 5 },
  ]
  const rows = rounds.map((round) => [
    String(round.number),
    round.family,
    clockTime(round.openedMs),
    age(tookOf(round)),
    round.state,
    `${round.hosts.filter(({ counted }) => counted).length}/${round.hosts.length}`,
    loss(round.lossBefore),
    loss(round.lossAfter),
    bytes(round.upBytesMax),
    bytes(round.downBytesMax),
    plain(round.why),
  ])
  return table(titles, rows, columns)
}

export function settingLines(settings: Settings, nextInMs?: number): string[] {
  const { everyMs, steps, hold, rule, liars, noise, participantsMin } = settings
  const next = nextInMs === undefined ? '' : `, the next one in ${age(Math.max(0, nextInMs))}`
  return [
    `rounds   ${everyMs === 0 ? 'only when somebody asks for one' : `every ${formatDuration(everyMs)}${next}`}`,
    `family   ${familyText(settings)}`,
    `steps    ${steps} of each host${hold > 0 ? `, held to the common model by ${hold}` : ''}`,
    `rule     ${rule}, with up to ${countOf(liars, 'host')} that may lie`,
    `noise    ${noise === 0 ? 'none' : `${noise} times the longest update`}`,
    `hosts    ${participantsMin} at least`,
  ]
}

function familyText({ family, noise }: Settings): string {
  if (family !== 'both') return family === 'net' ? 'the network' : 'trees'
  const isQuiet = noise > 0 ? '; with noise the network alone' : ''
  return `the network and trees in turn${isQuiet}`
}

export function privacyLines({ privacy }: Federation): string[] {
  if (privacy === undefined) return []
  const { rounds, without, noise, delta, epsilonOthers, epsilonLeader } = privacy
  const none = without === 0 ? '' : `; of ${countOf(without, 'round')} without noise there is none`
  return [
    `epsilon  ${epsilonOthers.toFixed(2)} against whoever sees versions, ${epsilonLeader.toFixed(2)} against whoever leads`,
    `         at delta ${delta.toPrecision(2)}, of ${countOf(rounds, 'round')} with noise ${noise}${none}`,
    '         of what hosts give under masks; their votes have no noise, and are not in it',
  ]
}

export function loss(value: number | undefined): string {
  return value === undefined ? ABSENT : value.toPrecision(3)
}

function tookOf({ openedMs, endedMs }: FederatedRound): number | undefined {
  return endedMs === undefined ? undefined : Math.max(0, endedMs - openedMs)
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
