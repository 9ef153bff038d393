/** What this host warns of, and when that is over, for people. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { HostWarning } from '../telemetry/host-watch.ts'
import type { Journal } from './journal.ts'

export function tellWarnings(
  names: () => { readonly id: PeerId; nameOf(id: PeerId): string },
  journal: Journal,
  log: Log,
): { onWarning: (warning: HostWarning) => void; onOver: (warning: HostWarning) => void } {
  const record = (event: string, warning: HostWarning, words: string): void => {
    const { id: node } = names()
    const name = names().nameOf(node)
    const fields = { warning: warning.kind }
    journal.record({ kind: event, node, name, text: `${words}${warning.text}`, fields })
  }
  return {
    onWarning: (warning) => {
      record('host.warning', warning, '')
      log.child('telemetry').warn('host warning', { warning: warning.kind, why: warning.text })
    },
    onOver: (warning) => record('host.warningOver', warning, 'it is not so any more: '),
  }
}
