/** What bounds a call to the control API, whichever way it comes. */
import { assert } from '../../protocol/assert.ts'

/** Longest path and query. A longer one is refused before it is taken apart. */
export const pathLengthMax = 1024
export const queryLengthMax = 4096

/** Longest body. Also what a forwarded call may carry. */
export const bodyBytesMax = 1024 * 1024

/**
 * Longest body of a forwarded call and of its reply. With path, query and what surrounds them they
 * must fit into one question between agents (768 KiB). A longer reply becomes a refusal.
 */
export const forwardedBodyBytesMax = 736 * 1024
export const forwardedReplyBytesMax = 736 * 1024

/** Mistakes told in one refusal. What is beyond is counted, not told. */
export const mistakesMax = 20

/** Candidates named when a node reference fits several, and names offered when it fits none. */
export const candidatesMax = 8
export const nearestMax = 3

assert(forwardedBodyBytesMax <= bodyBytesMax, 'what is forwarded must have been accepted before')
