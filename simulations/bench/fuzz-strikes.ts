/** Which strike belongs to which kind of abuse. */
import type { FuzzKind } from './fuzz-kinds.ts'
import type { Session } from './fuzz-session.ts'
import * as door from './fuzz-strikes-door.ts'
import * as frames from './fuzz-strikes-frames.ts'
import * as gossip from './fuzz-strikes-gossip.ts'
import * as members from './fuzz-strikes-members.ts'
import * as trust from './fuzz-strikes-trust.ts'

export type Strike = (session: Session) => Promise<void>

export const strikes: Readonly<Record<FuzzKind, Strike>> = {
  ...door,
  ...frames,
  ...members,
  ...gossip,
  ...trust,
}
