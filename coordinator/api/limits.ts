/** What bounds a call to the control API, whichever way it comes. */
import { httpLimits } from '../../agent/http/limits.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import { assert } from '../../protocol/assert.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'

/** Longest path and query. A longer one is refused before it is taken apart. */
export const pathLengthMax = 1024
export const queryLengthMax = 4096

/**
 * Longest body, unless the route says otherwise; and of those with a workflow: the longest text of
 * one as JSON, with room for what is escaped in it.
 */
export const bodyBytesMax = 1024 * 1024
export const workflowBodyBytesMax = 8 * 1024 * 1024

/**
 * Longest body of a forwarded call and of its reply. With path, query and what surrounds them they
 * must fit into one question between agents (768 KiB). A longer reply becomes a refusal.
 */
export const forwardedBodyBytesMax = 736 * 1024
export const forwardedReplyBytesMax = 736 * 1024

/** Of a signed command in a header: with two certificates it takes about 1,500. */
export const commandHeaderBytesMax = 8 * 1024

/** Mistakes told in one refusal. What is beyond is counted, not told. */
export const mistakesMax = 20

/** Candidates named when a node reference fits several, and names offered when it fits none. */
export const candidatesMax = 8
export const nearestMax = 3

/** Files of one answer: with the longest of paths it can be forwarded. */
export const artifactFilesMax = 500
/** Of a content, in one answer: as base64 it can be forwarded. Chunks are whole numbers of them. */
export const artifactPieceBytes = 256 * 1024

/** Entries of the audit log in one answer; each may be of several texts of a kilobyte. */
export const auditPageMax = 500
/** Heads of it that one agent tells another: with a name of a line each they can be forwarded. */
export const auditHeadsMax = 2_000

assert(auditHeadsMax * 360 <= forwardedReplyBytesMax, 'heads of one answer can be forwarded')
assert(forwardedBodyBytesMax <= bodyBytesMax, 'what is forwarded must have been accepted before')
assert(workflowBodyBytesMax <= httpLimits.bodyBytesMax, 'what a route takes the socket must take')
assert(
  workflowLimits.textLengthMax * 1.5 <= workflowBodyBytesMax,
  'a workflow of the longest text must be taken',
)
assert(
  artifactFilesMax * (artifactLimits.pathBytesMax + 256) < forwardedReplyBytesMax,
  'files of one answer must fit what is forwarded',
)
assert(
  (artifactPieceBytes * 4) / 3 + 256 < forwardedReplyBytesMax &&
    artifactLimits.chunkBytes % artifactPieceBytes === 0,
  'a piece must fit what is forwarded, and pieces a chunk',
)

/** Kinds of work that one answer tells of: with all figures it fits a call between agents. */
export const hostHistoryKindsMax = 1_000
