/** How work is told: a line for each thing that changed in a run. */
import type { Change } from '../../../protocol/ledger/events.ts'

/** Undefined for what is not about runs. */
export function textOfChange(change: Change): string | undefined {
  switch (change.kind) {
    case 'runStarted': {
      const of = change.parent === undefined ? '' : `, for ${change.parent}`
      return `run ${change.run} of ${change.name} begins, by ${change.by}${of}`
    }
    case 'runStopping':
      return `run ${change.run} is to stop (${change.mode}): ${change.reason}`
    case 'runChanged':
      return `run ${change.run} ${change.state}${change.reason ? `: ${change.reason}` : ''}`
    case 'unitChanged': {
      const { run, stage, item, state, attempt, node, race } = change
      const of = race === undefined ? 'to' : `${race} at`
      const at = node === undefined ? '' : ` #${attempt} ${of} ${node}`
      return `unit ${run}/${stage}${item === undefined ? '' : `/${item}`} ${state}${at}`
    }
    case 'voted': {
      const { run, stage, by, approves } = change
      return `${by} ${approves ? 'approves' : 'denies'} ${run}/${stage}`
    }
    case 'signalled':
      return `event ${change.event} ${change.key ?? ''} by ${change.by}`
    default:
      return undefined
  }
}
