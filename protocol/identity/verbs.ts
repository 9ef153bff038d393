/**
 * The allow-list: every act that a person can ask of the mesh, with the role that it needs. What is
 * not in this table cannot be asked for; a route, a command or a topic without its row fails the
 * tests. It is the only place that says who may do what.
 */
import { hasRole, type PersonRole, type Role } from './roles.ts'

interface Verb {
  /** One of these is needed; roles that contain one of them do as well. */
  roles: readonly PersonRole[]
  /** Whether it changes something: then it comes as a signed envelope, used once. */
  acts: boolean
}

const look = (...roles: PersonRole[]) => ({ roles, acts: false }) as const
const act = (...roles: PersonRole[]) => ({ roles, acts: true }) as const

export const verbs = {
  'mesh.look': look('viewer'),
  'work.look': look('viewer'),
  'audit.look': look('admin'),
  'run.start': act('operator'),
  'run.cancel': act('operator'),
  'run.kill': act('operator'),
  'run.retry': act('operator'),
  'run.resume': act('operator'),
  'run.vote': act('approver'),
  'signal.send': act('operator'),
  'workflow.publish': act('operator'),
  'node.label': act('admin'),
  'node.drain': act('operator'),
  'node.vote': act('admin'),
  'node.leave': act('admin'),
  'token.create': act('admin'),
  // A coordinator comes to hold the keys of the mesh: whoever lets one in could be anybody but a master.
  'token.coordinator': act('master'),
  'token.revoke': act('admin'),
  'user.add': act('admin'),
  'user.revoke': act('admin'),
  // The same person with the same key: it gives nobody anything that they had not.
  'user.renew': act('viewer'),
  'certificate.revoke': act('admin'),
  // Whoever puts another issuing key there decides who may be let in; retiring one can turn all out.
  'issuer.rotate': act('master'),
  'issuer.retire': act('master'),
  'swarm.rotate': act('admin'),
  'secret.set': act('admin'),
  'secret.remove': act('admin'),
  'secret.rotate': act('admin'),
  // What is forgotten is forgotten for good.
  'history.purge': act('admin'),
  'federate.round': act('operator'),
  'federate.stop': act('operator'),
  'federate.config': act('admin'),
  // Every host goes by it at once.
  'config.set': act('admin'),
  // Hosts speak by another version from then on.
  'model.rollback': act('admin'),
  'module.start': act('admin'),
  'module.stop': act('admin'),
  'estop.raise': act('operator'),
  'estop.release': act('admin'),
} as const satisfies Readonly<Record<string, Verb>>

export type VerbName = keyof typeof verbs

export function isVerb(text: string): text is VerbName {
  return Object.hasOwn(verbs, text)
}

export function mayDo(roles: readonly Role[], verb: VerbName): boolean {
  return hasRole(roles, verbs[verb].roles)
}
