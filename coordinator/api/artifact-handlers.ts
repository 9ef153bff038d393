/**
 * What each route of files does that stages hand on. Which there are is in the ledger; the files
 * themselves are read from a host that has them, and are what their names say.
 */
import type { Agent } from '../../agent/agent.ts'
import { ArtifactError } from '../../agent/artifacts/errors.ts'
import { blobOf, type ContentHash } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import { comparePaths } from '../../protocol/artifacts/paths.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { findRun, readableWorkflow, viewRun } from '../history/finding.ts'
import { artifactsDocument } from '../runs/artifacts.ts'
import { freshState } from '../runs/fresh.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import type { Handlers, Request } from './dispatch.ts'
import { artifactPieceBytes } from './limits.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import type { RunApiParts } from './run-parts.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type ArtifactRoute = 'runArtifacts' | 'artifactFiles' | 'artifactPiece'

export class ArtifactApi {
  private readonly agent: Agent
  private readonly library: WorkflowLibrary
  private readonly ask: RunApiParts['ask']

  constructor({ agent, library, ask }: Pick<RunApiParts, 'agent' | 'library' | 'ask'>) {
    this.agent = agent
    this.library = library
    this.ask = ask
  }

  handlers(): Pick<Handlers, ArtifactRoute> {
    return {
      runArtifacts: (it) => this.list(it),
      artifactFiles: (it) => this.files(it),
      artifactPiece: (it) => this.piece(it),
    }
  }

  private async list({
    parameters,
    query,
    signal,
  }: Request<'runArtifacts'>): Promise<RouteResponse<'runArtifacts'>> {
    const { agent, library } = this
    const { state } = await freshState(agent, signal)
    const view = await viewRun(agent, state, await findRun(agent, state, parameters.run))
    const workflow = await readableWorkflow(agent, library, state, view.spec.workflow)
    const nameOf = (node: string): string => agent.membership.nameOf(node as PeerId)
    return artifactsDocument(view, workflow, query, nameOf)
  }

  private async files({
    parameters,
    query,
    signal,
  }: Request<'artifactFiles'>): Promise<RouteResponse<'artifactFiles'>> {
    const { node, manifest } = parameters
    const { after, limit } = query
    if (!this.isSelf(node)) {
      const asked = { limit, ...(after === undefined ? {} : { after }) }
      const own = { node: 'self', manifest }
      return this.ask(node, 'artifactFiles', { parameters: own, query: asked }, signal)
    }
    const found = await read(() => this.agent.artifacts.manifest(manifest as ContentHash))
    if (found === undefined) return { schemaVersion: SCHEMA_VERSION, known: false, files: [] }
    const rest =
      after === undefined
        ? found.files
        : found.files.filter(({ path }) => comparePaths(path, after) > 0)
    const some = rest.slice(0, limit)
    const last = some.at(-1)?.path
    return {
      schemaVersion: SCHEMA_VERSION,
      known: true,
      files: some.map(({ path, sizeBytes, executable, chunks }) => {
        const content = blobOf(sizeBytes, chunks).hash
        return { path, bytes: sizeBytes, executable, content }
      }),
      ...(some.length < rest.length && last !== undefined ? { next: last } : {}),
    }
  }

  private async piece({
    parameters,
    query,
    signal,
  }: Request<'artifactPiece'>): Promise<RouteResponse<'artifactPiece'>> {
    const { node, content } = parameters
    const { from } = query
    if (!this.isSelf(node)) {
      const own = { node: 'self', content }
      return this.ask(node, 'artifactPiece', { parameters: own, query: { from } }, signal)
    }
    const { chunkBytes } = artifactLimits
    const index = Math.floor(from / chunkBytes)
    const chunk = await read(() => this.agent.artifacts.chunk(content as ContentHash, index))
    if (chunk === undefined) return { schemaVersion: SCHEMA_VERSION, known: false, base64: '' }
    const at = from - index * chunkBytes
    const bytes = chunk.subarray(at, at + artifactPieceBytes)
    return {
      schemaVersion: SCHEMA_VERSION,
      known: true,
      base64: Buffer.from(bytes).toString('base64'),
    }
  }

  private isSelf(node: string): boolean {
    return node === 'self' || node === this.agent.settings.signer.id
  }
}

async function read<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof ArtifactError)) throw error
    throw new ApiRefusal('unreachable', error.message, 'try another host that has the files')
  }
}
