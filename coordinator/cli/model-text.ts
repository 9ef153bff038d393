/** Versions of the common model for eyes: all of them in a table, and one on a card. */
import type { RouteResponse } from '../api/routes.ts'
import { ABSENT, age, percent } from './figures.ts'
import { plain, table, wrapped } from './table.ts'

type Shown = RouteResponse<'model'>
type Version = Shown['version']

const SHORT = 12
const LABEL_CELLS = 13

export function short(hash: string): string {
  return plain(hash).slice(0, SHORT)
}

export function versionTable(versions: readonly Version[], columns: number): string {
  const titles = [
    { title: 'VERSION' },
    { title: 'OF', leave: 4 },
    { title: 'STATE' },
    { title: 'SINCE', right: true },
    { title: 'ROUND', right: true, leave: 2 },
    { title: 'HOSTS', right: true, leave: 1 },
    { title: 'ROWS', right: true, leave: 3 },
    { title: 'JUDGED', right: true, leave: 7 },
    { title: 'LOSS', right: true },
    { title: 'HISTORY', right: true },
    { title: 'IN BAND', right: true, leave: 5 },
    { title: 'WHY', cutTo: 12, leave: 6 },
  ]
  const rows = versions.map((version) => [
    short(version.hash),
    version.family,
    version.head ? `${version.state}*` : version.state,
    age(since(version.sinceMs)),
    version.round === undefined ? ABSENT : String(version.round),
    String(version.hosts),
    String(version.rows),
    version.live === undefined ? ABSENT : String(version.live.attempts),
    loss(version.live?.loss),
    loss(version.live?.plain),
    percent(version.live?.within),
    plain(version.why),
  ])
  const shown = table(titles, rows, columns)
  return versions.some(({ head }) => head) ? `${shown}\n* training goes on from it` : shown
}

export function cardText(shown: Shown, columns: number) {
  const { version, features, hosts } = shown
  const told = features.map((each) => `${plain(each.name)} (${each.numbers})`)
  const from = version.parents.length === 0 ? 'none: learning began with it' : undefined
  const lines: (readonly [string, string | readonly string[]])[] = [
    ['version', plain(version.hash)],
    ['what', 'how long an attempt takes on a host: its 10th, 50th and 90th percentile'],
    ['state', `${version.state}, for ${age(since(version.sinceMs))}: ${plain(version.why)}`],
    ['speaks', speaks[version.state]],
    ['made', `${age(since(version.madeMs))} ago${roundOf(version)}`],
    ['parents', from ?? version.parents.map(short)],
    [
      'learned from',
      `about ${version.rows} attempts on ${version.hosts} hosts, whose rows stay there`,
    ],
    ['held out', heldOut(version)],
    ['live', live(version)],
    ['in band', inBand(version)],
    ['told', told],
    madeOf(shown),
    ['not for', 'work that no host has done five times: of that nothing is said, whatever it says'],
  ]
  const card = lines.map(([name, said]) => {
    const [parts, comma] = typeof said === 'string' ? [said.split(' '), ''] : [said, ',']
    return wrapped(name.padEnd(LABEL_CELLS), parts, columns, LABEL_CELLS, comma)
  })
  if (hosts.length > 0) card.push('', hostTable(hosts, columns))
  return card.join('\n')
}

function madeOf({ version, hidden, numbers, trees }: Shown): readonly [string, string] {
  if (version.family === 'net') {
    return ['network', `${hidden.join(', ')} units between, ${numbers ?? 0} numbers`]
  }
  const count = `${trees} tree${trees === 1 ? '' : 's'}`
  const figures = `${count} that hosts grew together, ${numbers ?? 0} numbers in leaves`
  return ['trees', trees === undefined ? 'not here: the agent that was asked lacks it' : figures]
}

const speaks: Readonly<Record<Version['state'], string>> = {
  shadow: 'nowhere: hosts note what it would have said',
  canary: 'on a fifth of the hosts, where it has done better than history',
  active:
    'on all hosts, where it has done better than history, and no worse of that kind of work; or history is silent',
  retired: 'nowhere: another has taken its place',
  rejected: 'nowhere: it was no better',
  rolledBack: 'nowhere: it was taken back',
}

function roundOf({ round }: Version): string {
  return round === undefined ? '' : `, by federated round ${round}`
}

function heldOut({ lossBefore, lossAfter }: Version): string {
  if (lossAfter === undefined) return 'hosts have not voted'
  const before = lossBefore === undefined ? '' : `; its base ${loss(lossBefore)}`
  return `loss ${loss(lossAfter)} on rows that hosts do not train on${before}`
}

function live({ live: told }: Version): string {
  if (told === undefined) return 'nothing was judged in this state yet'
  return `loss ${loss(told.loss)} beside ${loss(told.plain)} of history alone, by the latest ${told.n} of ${told.attempts} attempts on ${told.hosts} hosts`
}

function inBand({ live: told }: Version): string {
  return told === undefined
    ? 'unknown'
    : `${percent(told.within)} took as long as it said, p10 to p90; it should be 80%`
}

function hostTable(hosts: Shown['hosts'], columns: number): string {
  const titles = [
    { title: 'HOST', cutTo: 8 },
    { title: 'JUDGED', right: true },
    { title: 'LOSS', right: true },
    { title: 'HISTORY', right: true },
    { title: 'IN BAND', right: true },
  ]
  const rows = hosts.map((host) => [
    plain(host.name),
    String(host.attempts),
    loss(host.loss),
    loss(host.plain),
    percent(host.within),
  ])
  return table(titles, rows, columns)
}

function loss(value: number | undefined): string {
  return value === undefined ? ABSENT : value.toFixed(3)
}

function since(atMs: number): number {
  return Math.max(0, Date.now() - atMs)
}
