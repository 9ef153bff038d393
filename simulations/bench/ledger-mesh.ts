/** Where the ledger of a mesh is led from, once enough of its hosts vote. */
import { Client } from '../../coordinator/cli/client.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { Problem } from '../../protocol/problem.ts'
import { type LocalNode, meshAddressOf } from '../mesh/layout.ts'
import { look, signInOf } from '../mesh/looking.ts'
import type { Mesh } from './mesh.ts'

const DEADLINE_MS = 60_000
/** An agent that is paused does not answer at all. */
const STATUS_DEADLINE_MS = 1_000
const LOOK_AGAIN_MS = 200

interface StatusAnswer extends NodesAnswer {
  ledger?: {
    leader?: string
    term: number
    reachable: number
    voters: string[]
    applied: number
    digest: string
  }
}

interface NodesAnswer {
  nodes: { id: string; name: string; ledger?: { part: string } }[]
}

/** Waits until so many hosts vote, and says who leads. */
export async function leaderOf(
  mesh: Mesh,
  voters: number,
): Promise<{ id: PeerId; name: string; address: string }> {
  const deadlineMs = performance.now() + DEADLINE_MS
  while (performance.now() < deadlineMs) {
    const nodes = await nodesOf(mesh)
    const voting = nodes.filter(
      ({ ledger }) => ledger?.part === 'voter' || ledger?.part === 'leader',
    )
    const leader = nodes.find(({ ledger }) => ledger?.part === 'leader')
    const local = mesh.nodes.find(({ name }) => name === leader?.name)
    if (leader && local && voting.length >= voters)
      return { id: leader.id as PeerId, name: local.name, address: meshAddressOf(local) }
    await mesh.rest(LOOK_AGAIN_MS)
  }
  throw noVoters(voters)
}

/** Waits until every agent answers, votes, and names the same leader. */
export async function leaderOfAll(
  mesh: Mesh,
): Promise<{ id: PeerId; name: string; address: string }> {
  const deadlineMs = performance.now() + DEADLINE_MS
  while (performance.now() < deadlineMs) {
    const said = await statusesOf(mesh)
    const leaders = new Set(said.map((status) => status?.ledger?.leader))
    const whole = said.every(
      (status) =>
        status?.ledger?.reachable === mesh.nodes.length &&
        status.ledger.voters.length === mesh.nodes.length,
    )
    const [name] = leaders
    const local = mesh.nodes.find((node) => node.name === name)
    const id = said[0]?.nodes.find((node) => node.name === name)?.id
    if (leaders.size === 1 && whole && local && id)
      return { id: id as PeerId, name: local.name, address: meshAddressOf(local) }
    await mesh.rest(LOOK_AGAIN_MS)
  }
  throw noVoters(mesh.nodes.length)
}

/** Bars so many hosts from voting that the others are left, and says who leads them. */
export async function leaderOfVoters(
  mesh: Mesh,
  voters: number,
): Promise<{ id: PeerId; name: string; address: string }> {
  const { name: leader } = await leaderOfAll(mesh)
  const barred = mesh.nodes.filter(({ name }) => name !== leader).slice(voters - 1)
  const { signal: never } = new AbortController()
  for (const node of barred) {
    const client = new Client(node.apiAddress, signInOf(node), never)
    await client.call('voting', { parameters: { node: node.name }, body: { votes: 'never' } })
  }
  const deadlineMs = performance.now() + DEADLINE_MS
  while (performance.now() < deadlineMs) {
    const said = await statusesOf(mesh)
    if (said.every((status) => status?.ledger?.voters.length === voters)) {
      return leaderOf(mesh, voters)
    }
    await mesh.rest(LOOK_AGAIN_MS)
  }
  throw noVoters(voters)
}

/** The name of whoever leads in the highest term, by the word of those that answer. */
export async function leaderNameSeenBy(mesh: Mesh): Promise<string | undefined> {
  const said = await statusesOf(mesh)
  const named = said.flatMap((status) => (status?.ledger?.leader ? [status.ledger] : []))
  return named.sort((a, b) => b.term - a.term)[0]?.leader
}

/** By agent: the entry that it applied last, and the digest of its state then. */
export async function digestsOf(mesh: Mesh): Promise<(string | undefined)[]> {
  const said = await statusesOf(mesh)
  return said.map((status) => status?.ledger && `${status.ledger.applied} ${status.ledger.digest}`)
}

/** In their order; undefined where none answers. */
export function statusesOf(
  mesh: Mesh,
  nodes: readonly LocalNode[] = mesh.nodes,
): Promise<(StatusAnswer | undefined)[]> {
  return Promise.all(nodes.map(statusAt))
}

async function statusAt(node: LocalNode): Promise<StatusAnswer | undefined> {
  try {
    const signal = AbortSignal.timeout(STATUS_DEADLINE_MS)
    const response = await look(node, '/api/v1/status', signal)
    return (await response.json()) as StatusAnswer
  } catch {
    return undefined
  }
}

function noVoters(voters: number): Problem {
  return new Problem({
    code: 'noVoters',
    why: `the mesh did not come to have ${voters} voters`,
    fix: 'look at the logs of its agents',
    exitCode: exitCodes.failed,
  })
}

/** Who leads, by the word of the first agent that answers; `without` is not asked. */
export async function leaderSeenBy(mesh: Mesh, without: string): Promise<PeerId | undefined> {
  for (const each of mesh.nodes) {
    if (each.name === without) continue
    const status = await statusAt(each)
    const leader = status?.nodes.find((node) => node.name === status.ledger?.leader)
    if (leader) return leader.id as PeerId
  }
  return undefined
}

/** As the first agent that answers sees them. */
async function nodesOf(mesh: Mesh): Promise<NodesAnswer['nodes']> {
  for (const node of mesh.nodes) {
    try {
      const response = await look(node, '/api/v1/nodes')
      return ((await response.json()) as NodesAnswer).nodes
    } catch {
      // This one is down; another may not be.
    }
  }
  return []
}
