/**
 * What peers and people may be. A role is granted by a certificate and by nothing else; which role
 * an act needs is the table in `verbs.ts`.
 */

/** What a host may be to others: any runs work, only a coordinator votes, leads and assigns. */
export const peerRoles = ['agent', 'coordinator'] as const
export type PeerRole = (typeof peerRoles)[number]

export const personRoles = ['viewer', 'operator', 'approver', 'admin', 'master'] as const
export type PersonRole = (typeof personRoles)[number]

export type Role = PeerRole | PersonRole

/**
 * What else somebody is by being this. An admin is deliberately no approver: whoever runs the mesh
 * is not, by that alone, the second pair of eyes. Only a master is everything.
 */
const contains: Readonly<Record<Role, readonly Role[]>> = {
  agent: [],
  coordinator: ['agent'],
  viewer: [],
  operator: ['viewer'],
  approver: ['viewer'],
  admin: ['operator', 'viewer'],
  master: ['admin', 'operator', 'approver', 'viewer'],
}

/** Whether somebody with these roles has one of those that are asked for. */
export function hasRole(roles: readonly Role[], asked: readonly Role[]): boolean {
  return roles.some((role) => asked.includes(role) || contains[role].some((r) => asked.includes(r)))
}

export function isPeerRole(text: string): text is PeerRole {
  return (peerRoles as readonly string[]).includes(text)
}

export function isPersonRole(text: string): text is PersonRole {
  return (personRoles as readonly string[]).includes(text)
}
