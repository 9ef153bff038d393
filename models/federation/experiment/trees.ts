/**
 * Trees, federated, centralised and local-only: the same bags, the same rows, the same cuts.
 * Centralised has all rows in one place and counts as many of them; local-only has each client alone.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { type Forest, saidBy } from '../../forest.ts'
import type { LastWord } from '../rounds/carrying.ts'
import type { RoundReport } from '../rounds/federation.ts'
import { type Examples, together } from '../rounds/trainable.ts'
import { type TreeCourse, TreeFederation, type TreeHost } from '../trees/bags.ts'
import { CountingHost, drawingBy } from '../trees/counting.ts'
import { describedCuts as cuts, describedStart as start } from '../trees/cuts.ts'
import { treesLimits as limits } from '../trees/limits.ts'
import { poisoned } from './attacks.ts'
import type { Client } from './clients.ts'
import type { Lies } from './comparison.ts'
import { LyingTreeHost } from './tree-attacks.ts'

export interface GrowingAsked {
  readonly course: TreeCourse
  readonly chance: Entropy
  /** Called between bags, so that whoever waits has a turn. */
  turn(): Promise<void>
}

export interface GrownTogether {
  readonly forest: Forest
  readonly reports: readonly RoundReport[]
  readonly suspects: ReadonlySet<PeerId>
}

export async function growFederated(
  clients: readonly Client[],
  asked: GrowingAsked,
  lies?: Lies,
  lastWord?: (host: PeerId, round: number) => LastWord,
): Promise<GrownTogether> {
  const { chance } = asked
  const hosts = clients.map((client) => {
    const isLiar = lies?.by.has(client.signer.id)
    const trained = lies && isLiar ? poisoned(client.trained, lies.attack) : client.trained
    const honest = hostOf({ ...client, trained }, chance, limits.rowsMax)
    return lies && isLiar
      ? new LyingTreeHost(honest, lies.attack, chance.stream(`lies ${client.name}`))
      : honest
  })
  return await grown(hosts, asked, lastWord)
}

/** As many rows for a tree as all hosts count together. */
export async function growCentrally(
  clients: readonly Client[],
  asked: GrowingAsked,
): Promise<Forest> {
  const [first] = clients as [Client]
  const all = {
    signer: first.signer,
    name: 'centralised',
    trained: together(clients.map(({ trained }) => trained)),
    voting: together(clients.map(({ voting }) => voting)),
  }
  const host = hostOf(all, asked.chance, limits.rowsMax * clients.length)
  const course = { ...asked.course, masked: false, liarsMax: 0, hostsEach: clients.length }
  return (await grown([host], { ...asked, course })).forest
}

export async function growLocally(client: Client, asked: GrowingAsked): Promise<Forest> {
  const host = hostOf(client, asked.chance, limits.rowsMax)
  const course = { ...asked.course, masked: false, liarsMax: 0 }
  return (await grown([host], { ...asked, course })).forest
}

/** As federation asks a model: the tenth, the half and the nine tenths, which never cross. */
export function toldBy(forest: Forest, { features }: Examples): Float32Array {
  return saidBy(forest, features)
}

/** The same features are drawn for the same bag, whoever grows it. */
async function grown(
  hosts: readonly TreeHost[],
  { course, chance, turn }: GrowingAsked,
  lastWord?: (host: PeerId, round: number) => LastWord,
): Promise<GrownTogether> {
  const around = { cuts, start, chance: chance.stream('trees'), ...(lastWord ? { lastWord } : {}) }
  const federation = new TreeFederation(hosts, course, around)
  const reports: RoundReport[] = []
  for (let round = 1; round <= course.rounds; round++) {
    reports.push(federation.round())
    await turn()
  }
  return { forest: federation.forest, reports, suspects: federation.suspects }
}

function hostOf(
  client: Pick<Client, 'name' | 'signer' | 'trained' | 'voting'>,
  chance: Entropy,
  rowsMax: number,
): TreeHost {
  const drawing = drawingBy(chance.stream(`rows ${client.name}`), rowsMax)
  const host = new CountingHost(client.trained, client.voting, { cuts, start, drawing, rowsMax })
  return {
    signer: client.signer,
    counts: (asked) => host.counts(asked),
    loss: (trees) => host.loss(trees),
    take: (trees) => host.take(trees),
    beginAnew: () => host.beginAnew(),
  }
}
