/** Turns what the core and the modules did into events for people, one line each. */
import type { OwnAnswer } from '../../protocol/estop/answers.ts'
import type { Obeyed } from '../../protocol/estop/core.ts'
import { scopeText } from '../../protocol/estop/scope.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { MembershipEvent } from '../../protocol/membership/outbox.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { ArtifactWarning } from '../artifacts/collecting.ts'
import type { ArtifactVerdict } from '../artifacts/fetching.ts'
import type { ModuleEvent } from '../modules/module.ts'
import type { TrustFault } from '../trust/acquaintances.ts'
import type { TrustRefusal } from '../trust/refusing.ts'
import type { Journal, NewEvent } from './journal.ts'

interface Names {
  readonly id: PeerId
  nameOf(id: PeerId): string
}

export function tellMembership(
  event: MembershipEvent,
  names: Names,
  journal: Journal,
  log: Log,
): void {
  const told = inWords(event, names)
  if (!told) return
  journal.record(told)
  log.child('membership').info(`${told.kind.replace('.', ' ')}`, {
    ...(told.name === undefined ? {} : { name: told.name }),
    ...told.fields,
  })
}

function inWords(event: MembershipEvent, names: Names): NewEvent | undefined {
  switch (event.kind) {
    case 'alive':
      return event.firstTime ? undefined : stateInWords(event, names)
    case 'suspect':
    case 'dead':
    case 'left':
      return stateInWords(event, names)
    case 'profile': {
      // A newcomer is told of when it has a name.
      const name = names.nameOf(event.id)
      const kind = event.firstTime ? 'node.joined' : 'node.described'
      const text = event.firstTime ? `${name} joined` : `${name} describes itself anew`
      return { kind, node: event.id, name, text, fields: {} }
    }
    case 'refuted': {
      const by = names.nameOf(event.by)
      return {
        kind: 'self.refuted',
        node: names.id,
        name: names.nameOf(names.id),
        text: `${by} doubted this node; it answered with incarnation ${event.incarnation}`,
        fields: { incarnation: event.incarnation, by },
      }
    }
    case 'slept': {
      const ms = Math.round(event.ms)
      return {
        kind: 'self.slept',
        node: names.id,
        name: names.nameOf(names.id),
        text: `this agent did not run for ${ms} ms; it forgives the others that long`,
        fields: { ms },
      }
    }
    case 'reaped':
      return {
        kind: 'node.reaped',
        node: event.id,
        text: `${names.nameOf(event.id)} is forgotten: it was gone for too long`,
        fields: {},
      }
    case 'identityClash':
      return {
        kind: 'self.clash',
        node: names.id,
        name: names.nameOf(names.id),
        text:
          'another agent uses this agent’s identity: its data directory was copied. ' +
          'Stop one of the two and remove its identity.key',
        fields: {},
      }
  }
}

function stateInWords(
  event: Extract<MembershipEvent, { incarnation: number; id: PeerId }>,
  names: Names,
): NewEvent {
  const { id, incarnation } = event
  const name = names.nameOf(id)
  const by = names.nameOf(event.by)
  const here = event.by === names.id ? 'this agent' : by
  const texts = {
    alive: `${name} is alive again`,
    suspect: `${name} does not answer ${here}`,
    dead: `${name} is dead, says ${here}`,
    left: `${name} left`,
  }
  return {
    kind: `node.${event.kind}`,
    node: id,
    name,
    text: `${texts[event.kind]} (incarnation ${incarnation})`,
    fields: { incarnation, by },
  }
}

/** What the emergency stop calls; `onNews` besides, when there may be something to write down. */
export function tellStop(
  names: Names,
  journal: Journal,
  onNews: () => void,
): {
  changed(word: Obeyed): void
  finished(word: Obeyed, own: OwnAnswer): void
  refused(from: PeerId | undefined, why: string): void
} {
  const record = (kind: string, text: string, fields: NewEvent['fields']): void => {
    journal.record({ kind, node: names.id, name: names.nameOf(names.id), text, fields })
  }
  return {
    changed: ({ saying: { act, scope, epoch, reason }, by }) => {
      const what = `${scopeText(scope)} #${epoch}`
      record(`estop.${act}d`, `emergency stop ${what} ${act}d by ${by}: ${reason}`, {
        scope: scopeText(scope),
        epoch,
        by,
      })
      onNews()
    },
    finished: ({ saying: { act, scope, epoch } }, { killed, tookMs }) => {
      if (act === 'raise') {
        const text = `stopped for emergency stop ${scopeText(scope)} #${epoch}: ${killed} killed, after ${tookMs} ms`
        record('estop.obeyed', text, { scope: scopeText(scope), epoch, killed, tookMs })
      }
      onNews()
    },
    refused: (from, why) => {
      const whose = from === undefined ? 'here' : `by ${names.nameOf(from)}`
      record('estop.refused', `an emergency stop that was said ${whose} is not believed: ${why}`, {
        why,
      })
    },
  }
}

export function tellModule(event: ModuleEvent, self: { id: PeerId }, journal: Journal): void {
  const why = event.why === undefined ? '' : `: ${event.why}`
  journal.record({
    kind: `module.${event.state}`,
    node: self.id,
    text: `${event.name} is ${event.state}${why}`,
    fields: { module: event.name, was: event.was },
  })
}

/** Whoever it is has no name here: only an id that can be told from others. */
export function tellRefusal({ peer, why, what }: TrustRefusal, journal: Journal): void {
  const text = `a peer is refused ${what}: ${refusalTexts[why]}`
  journal.record({ kind: 'peer.refused', node: peer, text, fields: { why, what } })
}

const refusalTexts: Readonly<Record<TrustFault, string>> = {
  noCredential: 'it has the swarm key and shows no certificate',
  malformed: 'what it shows is no certificate',
  foreignMesh: 'its certificate is of another mesh',
  unknownIssuer: 'its certificate was not issued by this mesh',
  badSignature: 'its certificate was changed, or forged',
  notYetValid: 'its certificate is not valid yet',
  expired: 'its certificate has expired',
  revoked: 'its certificate was revoked',
  notGranted: 'its certificate grants what its issuer may not grant',
  notItsOwn: 'it shows the certificate of another',
  missingRole: 'its certificate does not grant that',
}

/** What the artifact store calls. */
export function tellArtifacts(
  names: Names,
  journal: Journal,
  log: Log,
): {
  onWarning: (warning: ArtifactWarning) => void
  onVerdict: (verdict: ArtifactVerdict) => void
} {
  const artifacts = log.child('artifacts')
  return {
    onWarning: ({ limit, used, max, message }) => {
      const text = `artifacts come near a limit: ${message}`
      const [node, fields] = [names.id, { limit, used, max }]
      journal.record({ kind: 'artifacts.limit', node, name: names.nameOf(node), text, fields })
      artifacts.warn('artifacts near a limit', fields)
    },
    onVerdict: ({ peer, why }) => {
      const name = names.nameOf(peer)
      const text = `${name} served artifacts that are wrong: ${why}`
      journal.record({ kind: 'artifacts.wrong', node: peer, name, text, fields: { why } })
      artifacts.warn('artifacts served wrong', { peer, why })
    },
  }
}
