/**
 * Emergency stops as the API sees them. What people sign is judged by every agent for itself; this
 * hands it to the one that was asked, and needs neither a leader nor the ledger.
 */
import type { Agent } from '../../agent/agent.ts'
import type { EmergencyStop } from '../../agent/estop/service.ts'
import type { OwnAnswer } from '../../protocol/estop/answers.ts'
import { parseScope, type StopScope, scopeText } from '../../protocol/estop/scope.ts'
import { stopText } from '../../protocol/estop/text.ts'
import { readWord } from '../../protocol/estop/word.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Handlers, Request } from './dispatch.ts'
import { nodesOf } from './queries.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import { SCHEMA_VERSION } from './schemas.ts'

export function estopHandlers(agent: Agent): Pick<Handlers, 'estop' | 'sayStop'> {
  return {
    estop: ({ query }) => stateOf(agent, query.scope, query.word),
    sayStop: (request) => say(agent, request),
  }
}

type State = RouteResponse<'estop'>

/** For whoever shows how the mesh is. */
export function stopsInForce({ estop }: Agent): State['inForce'] {
  return estop.core.latch.inForce().map(({ id, by, saying }) => ({
    word: id,
    scope: scopeText(saying.scope),
    mode: saying.mode,
    epoch: saying.epoch,
    by,
    reason: saying.reason,
    issuedAtMs: saying.issuedMs,
  }))
}

/** Nothing new is begun while the whole mesh is stopped. */
export function refuseWhileStopped({ estop }: Agent): void {
  const raised = estop.core.latch.inForce().find(({ saying }) => saying.scope.kind === 'mesh')
  if (raised === undefined) return
  const fix = 'skein estop status shows it; skein resume --reason TEXT releases it'
  throw new ApiRefusal('stopped', `nothing is begun: ${stopText(raised.saying)}`, fix)
}

function stateOf(agent: Agent, text: string, word: string | undefined): State {
  const scope = parseScope(text)
  if (scope === undefined) {
    const why = `${text} is no scope of an emergency stop`
    throw new ApiRefusal('badRequest', why, 'write mesh, label:KEY=VALUE or run:ID')
  }
  const { core } = agent.estop
  return {
    schemaVersion: SCHEMA_VERSION,
    mesh: agent.settings.trust.mesh,
    inForce: stopsInForce(agent),
    next: { scope: text, ...nextOf(agent, scope) },
    proposals: core.proposals(scope).map(({ word: { body }, by }) => ({
      body: Buffer.from(body).toString('base64url'),
      by,
    })),
    nodes: word === undefined ? [] : answersTo(agent, word),
  }
}

function nextOf({ estop }: Agent, scope: StopScope): Omit<State['next'], 'scope'> {
  const { latch } = estop.core
  const { covers = [], floor = 0 } = latch.nextRelease(scope) ?? {}
  return { epoch: latch.nextEpoch(scope), covers: [...covers], floor }
}

function answersTo(agent: Agent, word: string): State['nodes'] {
  const { core } = agent.estop
  const answers: ReadonlyMap<PeerId, OwnAnswer> = core.answersFor(word)
  return nodesOf(agent).map(({ id, name, state, self }) => {
    const answer = self ? core.own(word) : answers.get(id as PeerId)
    if (answer === undefined) return { id, name, state, answer: 'silent', killed: 0, tookMs: 0 }
    const { killed, tookMs, why } = answer
    return { id, name, state, answer: answer.state, killed, tookMs, ...(why === '' ? {} : { why }) }
  })
}

/** `estop`: whose it is to hear it. */
export function say(
  { estop }: { estop: Pick<EmergencyStop, 'said'> },
  { body }: Pick<Request<'sayStop'>, 'body'>,
): RouteResponse<'sayStop'> {
  const word = readWord(new Uint8Array(Buffer.from(body.word, 'base64url')))
  const heard = word && estop.said(word)
  if (heard === undefined || heard.kind === 'refused') {
    const why = `the word is not believed: ${heard?.why ?? 'malformed'}`
    throw new ApiRefusal('refused', why, 'sign it with the key of somebody who has the right to it')
  }
  return { schemaVersion: SCHEMA_VERSION, word: heard.id, outcome: heard.kind }
}
