/** Where the ledger of a mesh is led from, once enough of its hosts vote. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Mesh } from './mesh.ts'

const DEADLINE_MS = 60_000
const LOOK_AGAIN_MS = 200

interface NodesAnswer {
  nodes: { id: string; name: string; ledger?: { part: string } }[]
}

/** Waits until so many hosts vote, and says who leads. */
export async function leaderOf(
  mesh: Mesh,
  voters: number,
): Promise<{ id: PeerId; address: string }> {
  const deadlineMs = performance.now() + DEADLINE_MS
  while (performance.now() < deadlineMs) {
    const nodes = await nodesOf(mesh)
    const voting = nodes.filter(
      ({ ledger }) => ledger?.part === 'voter' || ledger?.part === 'leader',
    )
    const leader = nodes.find(({ ledger }) => ledger?.part === 'leader')
    const local = mesh.nodes.find(({ name }) => name === leader?.name)
    if (leader && local && voting.length >= voters)
      return { id: leader.id as PeerId, address: `/ip4/127.0.0.1/tcp/${local.meshPort}` }
    await mesh.rest(LOOK_AGAIN_MS)
  }
  throw new Problem({
    code: 'noVoters',
    why: `the mesh did not come to have ${voters} voters`,
    fix: 'look at the logs of its agents',
    exitCode: exitCodes.failed,
  })
}

/** As the first agent that answers sees them. */
async function nodesOf(mesh: Mesh): Promise<NodesAnswer['nodes']> {
  for (const { apiAddress } of mesh.nodes) {
    try {
      const response = await fetch(`${apiAddress}/api/v1/nodes`)
      return ((await response.json()) as NodesAnswer).nodes
    } catch {
      // This one is down; another may not be.
    }
  }
  return []
}
