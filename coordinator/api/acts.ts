/**
 * Every route that is an act (`route-paths.ts` and `verbs.ts` say which) goes through here: what it is
 * done to is put into words, and it is not answered before it is in the audit log, whatever came of
 * it. What nobody has found words for is written with the parameters of its path.
 */

import type { Deed, Trail } from '../audit/deed.ts'
import type { AuditDesk } from '../audit/desk.ts'
import { auditLimits } from '../audit/limits.ts'
import type { Handlers, Request } from './dispatch.ts'
import { type Caller, type Door, signedIn } from './door.ts'
import { ApiRefusal } from './refusal.ts'
import { acts, objectOf, routePaths } from './route-paths.ts'
import type { RouteName } from './routes.ts'

type Words = { readonly [N in RouteName]?: (request: Request<N>) => string }

const objects: Words = {
  labels: ({ parameters, body }) => {
    const set = Object.entries(body.set).map(([key, value]) => `${key}=${value}`)
    const removed = body.remove.map((key) => `${key}-`)
    return `${parameters.node}: ${[...set, ...removed].join(' ')}`
  },
  voting: ({ parameters, body }) => `${parameters.node}: ${body.votes}`,
  drain: ({ parameters, body }) => `${parameters.node}: ${body.drained ? 'drain' : 'undrain'}`,
  startModule: ({ parameters }) => `${parameters.module} on ${parameters.node}`,
  stopModule: ({ parameters }) => `${parameters.module} on ${parameters.node}`,
  purgeHistory: ({ parameters, body: { task = 'all kinds of work', beforeMs } }) =>
    `${parameters.node}: ${task}${beforeMs === undefined ? '' : ` ended by ${beforeMs}`}`,
  askForRounds: ({ body }) =>
    `${body.count} federated round${body.count === 1 ? '' : 's'}${body.family === undefined ? '' : ` of ${body.family}`}`,
  stopRounds: () => 'federated rounds',
  configureFederation: ({ body }) =>
    `rounds: ${Object.entries(body)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ')}`,
  setConfig: ({ body }) => {
    const set = Object.entries(body.set).map(([key, value]) => `${key}=${value}`)
    const unset = body.unset.map((key) => `${key}-`)
    return `configuration of the mesh: ${[...set, ...unset].join(' ')}`
  },
  rollBackConfig: ({ body }) => `configuration of the mesh: back to version ${body.version}`,
  startRun: ({ body }) => (body.published ? `workflow ${body.workflow}` : 'workflow as given'),
  cancelRun: ({ parameters }) => `run ${parameters.run}`,
  killRun: ({ parameters }) => `run ${parameters.run}`,
  retryRun: ({ parameters }) => `run ${parameters.run}`,
  voteRun: ({ parameters, body }) =>
    `run ${parameters.run}, stage ${body.stage}: ${body.approves ? 'approve' : 'deny'}`,
  signal: ({ body }) => `event ${body.event}`,
  publishWorkflow: () => 'workflow as given',
  addUser: () => 'certificate as given',
  revokeUser: ({ parameters }) => parameters.user,
  rotateIssuer: ({ parameters }) => `issuing key, given to ${parameters.node}`,
  retireIssuer: ({ parameters }) => `issuing key ${parameters.serial}`,
  renewUser: ({ parameters }) => `own certificate, by ${parameters.node}`,
  createToken: ({ body }) => `an agent’s, ${body.uses} uses`,
  createCoordinatorToken: ({ body }) => `a coordinator’s, ${body.uses} uses`,
  revokeToken: ({ parameters }) => parameters.token,
}

type AnyRequest = Request<RouteName>
type AnyHandler = (request: AnyRequest) => Promise<unknown> | unknown

/** `here`: what this host is called. */
export function audited(handlers: Handlers, desk: AuditDesk, here: string): Handlers {
  const all = { ...handlers } as Record<RouteName, AnyHandler>
  for (const name of Object.keys(all) as RouteName[]) {
    // An emergency stop waits for no ledger; agents write it there when there is one.
    if (name !== 'sayStop' && acts(routePaths[name]))
      all[name] = recorded(name, all[name], desk, here)
  }
  return all as Handlers
}

function recorded(
  name: RouteName,
  handler: AnyHandler,
  desk: AuditDesk,
  here: string,
): (request: AnyRequest) => Promise<unknown> {
  return async (request) => {
    // The agent that was asked first writes it down.
    if (request.forwarded) return handler(request)
    const trail = trailOf(name, request, here)
    try {
      const answer = await handler({ ...request, trail })
      if (!trail.written) await desk.record(deedOf(trail, 'ok'), trail.proof)
      return answer
    } catch (error) {
      // Nobody is kept waiting for the record of what was not done.
      if (!trail.written) void desk.recordRefusal(refusedDeed(trail, error), trail.proof)
      throw error
    }
  }
}

function trailOf(name: RouteName, request: AnyRequest, here: string): Trail {
  const words = objects[name] as ((request: AnyRequest) => string) | undefined
  const { reason, note } = (request.body ?? {}) as Record<string, unknown>
  const why = [reason, note].find((text) => typeof text === 'string' && text !== '')
  return {
    note: {
      actor: request.caller?.name ?? 'unknown',
      verb: routePaths[name].verb,
      object: words?.(request) ?? objectOf(request.parameters),
      from: placeOf(request.from, here, request.caller),
      ...(why === undefined ? {} : { reason: why as string }),
    },
    written: false,
    proof: signedIn(request.call),
  }
}

/** For the door, which turns away before any of this is asked. */
export function recordRefused(desk: AuditDesk, here: string): Door['onRefusedAct'] {
  return ({ caller, verb, path, from, code, why }) => {
    const note = { actor: caller.name, verb, object: path, from: placeOf(from, here, caller) }
    void desk.recordRefusal({ ...note, outcome: code, detail: why })
  }
}

/** Where somebody asked, and with which key. */
function placeOf(from: string | undefined, here: string, caller: Caller | undefined): string {
  const place = from === undefined ? here : `${from} at ${here}`
  return caller === undefined
    ? place
    : `${place}, key …${caller.id.slice(-auditLimits.idLettersShown)}`
}

function deedOf({ note }: Trail, outcome: string): Deed {
  return { ...note, outcome }
}

/** With what who asked was told; of a bug the log of this host tells. */
function refusedDeed(trail: Trail, error: unknown): Deed {
  if (!(error instanceof ApiRefusal)) return deedOf(trail, 'internal')
  const detail = [error.why, trail.note.detail].filter((part) => part !== undefined).join('; ')
  return { ...deedOf(trail, error.code), detail }
}
