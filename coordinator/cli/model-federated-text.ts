/** What `skein model evaluate --federated` prints for eyes. */
import { type LieCost, wayOf } from '../../models/federation/experiment/attacked.ts'
import { type Course as Rounds, wayWords } from '../../models/federation/experiment/figures.ts'
import { treesLimits } from '../../models/federation/trees/limits.ts'
import type { Context } from './context.ts'
import { ABSENT, bytes, percent } from './figures.ts'
import type { FederatedEvaluation } from './model-federated.ts'
import { type Column, plain, table } from './table.ts'

const lineColumns: readonly Column[] = [
  { title: 'TRAINED' },
  { title: 'ASKED OF' },
  { title: 'LOSS', right: true },
  { title: 'ERROR', right: true },
  { title: 'IN BAND', right: true },
  { title: 'CORRECTED LOSS', right: true },
  { title: 'ERROR', right: true },
  { title: 'IN BAND', right: true },
  { title: 'LOSS AS USED', right: true },
]

const clientColumns: readonly Column[] = [
  { title: 'CLIENT' },
  { title: 'KNOWN', right: true },
  { title: 'ASKED', right: true },
  { title: 'LOCAL', right: true },
  { title: 'LOCAL EVERYWHERE', right: true },
  { title: 'FEDERATED', right: true },
  { title: 'CORRECTED', right: true },
  { title: 'AS USED', right: true },
  { title: 'ROWS OF', cutTo: 24, leave: 1 },
]

const promiseColumns: readonly Column[] = [
  { title: 'PROMISED' },
  { title: 'IS', right: true },
  { title: 'AT MOST', right: true },
  { title: 'HOLDS' },
]

const lieColumns: readonly Column[] = [
  { title: 'LOSS OF THE HONEST' },
  { title: 'ALL HONEST', right: true },
  { title: 'HONEST ALONE', right: true },
  { title: 'WITH LIES', right: true },
  { title: 'DATA MISSED', right: true },
  { title: 'LIES COST', right: true },
  { title: 'TOGETHER', right: true },
]

const noTrees = {
  noise: 'what hosts count for them is summed as it is, without noise',
  tooManyHosts: `a sum is of ${treesLimits.hostsMax} hosts at most`,
} as const

const whose = { own: 'own later rows', everybody: 'everybody’s', honest: 'honest hosts’' } as const

export function federatedText({ io }: Context, result: FederatedEvaluation): string {
  const columns = io.columns()
  const { files, rows, by, parameters, course, killed, seconds, trees } = result
  const besides = 'lines' in trees ? trees : { lines: [], promises: [], lieCosts: [] }
  const lieCosts = [...result.lieCosts, ...besides.lieCosts]
  const lines = [
    `${files} files, ${rows} attempts, given to ${result.clients.length} clients by ${by}`,
    `${parameters} numbers trained in ${course.rounds} rounds by ${course.rule}${
      course.masked ? ', under masks' : ', each update seen by the leader'
    }${course.votes ? ', with votes' : ''}`,
    ...('lines' in trees
      ? [`and ${trees.trees} trees, ${treesLimits.inBag} a round, from counts that are summed`]
      : []),
    '',
    table(lineColumns, [...result.lines, ...besides.lines].map(lineCells), columns),
    '',
    table(clientColumns, result.clients.map(clientCells), columns),
    '',
    table(promiseColumns, [...result.promises, ...besides.promises].map(promiseCells), columns),
    '',
    ...(lieCosts.length > 0 ? [table(lieColumns, lieCosts.map(lieCells), columns), ''] : []),
    `Rounds: ${roundsText(result.rounds)}`,
  ]
  if (result.roundsUnderAttack) {
    lines.push(`Rounds with ${result.attack}: ${roundsText(result.roundsUnderAttack)}`)
  }
  lines.push(...treesTexts(result))
  if (killed.length > 0) lines.push(`Killed in the middle of a round: ${killed.join(', ')}`)
  if (result.epsilon) {
    const { others, leader, delta } = result.epsilon
    lines.push(
      `Epsilon of a host with all its rows: ${others.toFixed(1)} for those who see the models, ${leader.toFixed(1)} for the leader (delta ${delta.toPrecision(2)})`,
    )
  }
  lines.push('', `${seconds.toFixed(1)} s`)
  return `${lines.join('\n')}\n`
}

function treesTexts({ trees, attack }: FederatedEvaluation): string[] {
  if ('leftOut' in trees) return [`No trees: ${noTrees[trees.leftOut]}`]
  const { rounds, roundsUnderAttack: attacked } = trees
  return [
    `Trees: ${roundsText(rounds)}`,
    ...(attacked ? [`Trees with ${attack}: ${roundsText(attacked)}`] : []),
  ]
}

function lineCells({ trained, on, errors, corrected, used }: FederatedEvaluation['lines'][number]) {
  return [
    ...[trained, whose[on], errors.pinballLog.toFixed(4)],
    ...[percent(errors.medianError, 1), percent(errors.coverage, 1)],
    corrected?.pinballLog.toFixed(4) ?? ABSENT,
    ...[percent(corrected?.medianError, 1), percent(corrected?.coverage, 1)],
    used?.pinballLog.toFixed(4) ?? ABSENT,
  ]
}

function clientCells(client: FederatedEvaluation['clients'][number]): string[] {
  return [
    client.lies ? `${client.name} (lies)` : client.name,
    ...[String(client.known), String(client.held)],
    ...[client.local, client.localEverywhere, client.federated, client.corrected, client.used].map(
      ({ pinballLog }) => pinballLog.toFixed(3),
    ),
    plain(client.of.map((name) => name || '(no name)').join(' ')),
  ]
}

function promiseCells({ promise, value, goal, holds }: FederatedEvaluation['promises'][number]) {
  const [said, asked] = [value, goal].map((figure) => promiseSaid(figure, goal))
  return [promise, said ?? '', asked ?? '', holds ? 'yes' : 'no']
}

function lieCells(cost: LieCost): string[] {
  const { trained, allHonest, honestAlone, withLies } = cost
  return [
    `${trained}${wayWords[wayOf(cost)]}`,
    ...[allHonest, honestAlone, withLies].map((loss) => loss.toFixed(4)),
    ...lieShares(cost).map((share) => promiseSaid(share)),
  ]
}

/** What is missed of the data of those who lie, what their lies cost beyond that, and both. */
export function lieShares(
  cost: Pick<LieCost, 'allHonest' | 'honestAlone' | 'withLies'>,
): [number, number, number] {
  const { allHonest, honestAlone, withLies } = cost
  return [honestAlone / allHonest - 1, withLies / honestAlone - 1, withLies / allHonest - 1]
}

/** Shares are small, and what is promised of bytes is not. */
export function promiseSaid(figure: number, goal = 0): string {
  return goal > 100 ? bytes(figure) : `${figure > 0 ? '+' : ''}${(100 * figure).toFixed(1)}%`
}

function roundsText({ kept, undone, failed, upBytesMax, downBytesMax, suspects }: Rounds): string {
  const thought = suspects.length > 0 ? `; left out of most: ${suspects.join(', ')}` : ''
  return `${kept} kept, ${undone} undone, ${failed} failed; at most ${bytes(upBytesMax)} from a host and ${bytes(downBytesMax)} to it${thought}`
}
