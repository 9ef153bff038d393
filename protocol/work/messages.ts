/**
 * What goes over `/skein/work/1`. Everything from a leader bears its term, and an agent believes
 * nobody of an older term than the highest that it has heard of. Nothing here is promised to
 * arrive: an agent repeats a result until it hears that it is committed, and a leader that wonders
 * asks for the inventory.
 */
import type { ContentHash } from '../artifacts/hashes.ts'
import {
  bool,
  field,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../wire/schema.ts'
import { Assignment, AttemptReport } from './attempt.ts'
import { AttemptId, Fence } from './fence.ts'
import { workLimits as limits } from './limits.ts'

export const Assign = message('Assign', {
  term: field(1, uint()),
  assignments: repeated(2, nested(Assignment), limits.assignmentsPerFrameMax),
})
export type Assign = Infer<typeof Assign>

export const Cancellation = message('Cancellation', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
  reason: field(3, text(limits.reasonBytesMax)),
  /** Without the polite signal first. */
  atOnce: field(4, bool()),
})
export type Cancellation = Infer<typeof Cancellation>

export const Cancel = message('Cancel', {
  term: field(1, uint()),
  attempts: repeated(2, nested(Cancellation), limits.attemptsPerFrameMax),
})
export type Cancel = Infer<typeof Cancel>

export const AttemptRef = message('AttemptRef', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
})
export type AttemptRef = Infer<typeof AttemptRef>

/** Their results are in the ledger, or can never be: the agent forgets them. */
export const Committed = message('Committed', {
  term: field(1, uint()),
  attempts: repeated(2, nested(AttemptRef), limits.attemptsPerFrameMax),
})
export type Committed = Infer<typeof Committed>

/**
 * Files that lie with the agent are needed by another run as well: by one that takes over how the
 * stage ended that has made them.
 */
export const Keep = message('Keep', {
  term: field(1, uint()),
  run: field(2, text(limits.runIdBytesMax)),
  manifests: repeated(3, text<ContentHash>(limits.contentHashBytesMax), limits.artifactSourcesMax),
})
export type Keep = Infer<typeof Keep>

/** What do you run and hold? Asked by a new leader before it assigns anything. */
export const InventoryRequest = message('InventoryRequest', {
  term: field(1, uint()),
  /** Comes back with the answer. */
  serial: field(2, uint()),
})
export type InventoryRequest = Infer<typeof InventoryRequest>

export type HeldState = 'accepted' | 'running' | 'finished'

export const HeldAttempt = message('HeldAttempt', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
  /** `finished` is in the outbox; its report comes by itself, and again until it is committed. */
  state: field(3, text<HeldState>(16)),
  forMs: optional(4, uint()),
})
export type HeldAttempt = Infer<typeof HeldAttempt>

/**
 * All that the agent holds, in as many frames as it takes. What is in none of them is not there,
 * and will not start by an older leader's word: the agent takes no frame of an older term any more.
 */
export const Inventory = message('Inventory', {
  term: field(1, uint()),
  serial: field(2, uint()),
  held: repeated(3, nested(HeldAttempt), limits.attemptsPerFrameMax),
  last: field(4, bool()),
})
export type Inventory = Infer<typeof Inventory>

export const Reports = message('Reports', {
  reports: repeated(1, nested(AttemptReport), limits.reportsPerFrameMax),
})
export type Reports = Infer<typeof Reports>

export const WorkFrame = union('WorkFrame', {
  assign: [1, Assign],
  cancel: [2, Cancel],
  committed: [3, Committed],
  inventoryRequest: [4, InventoryRequest],
  inventory: [5, Inventory],
  reports: [6, Reports],
  keep: [7, Keep],
})
export type WorkFrame = Infer<typeof WorkFrame>
