/** What a leader knows of work that is done in about a second: after four it is late. */
import type { WorkTimes } from '../../coordinator/scheduler/core/core.ts'

const usual = { p10: 900, p50: 1_000, p90: 1_200, n: 40 }

export const knownTimes: WorkTimes = { of: () => ({ range: usual, byHost: new Map() }) }
