/** Tells on every agent of other keys of secrets, as it sees them come in the ledger. */
import type { Agent } from '../../agent/agent.ts'
import { type HeldMeshKey, meshKeyIn } from './key-rows.ts'

export class KeyNews {
  readonly #agent: Agent
  /** As it was seen last; what comes before the first look is told by those who were there. */
  #seen: HeldMeshKey | undefined

  constructor(agent: Agent) {
    this.#agent = agent
  }

  look(): void {
    const { ledger } = this.#agent
    const now = meshKeyIn(ledger.state)
    const before = this.#seen
    this.#seen = now
    if (before === undefined || now === undefined) return
    const isAnother = now.id !== before.id
    if (isAnother) {
      const text = `another key of secrets takes the place of the one before, by ${now.by}: ${now.why}`
      this.#tell('secretsKey.made', now, text)
    }
    // It may have come and been alone between two looks.
    if (now.was === undefined && (isAnother || before.was !== undefined)) {
      const text =
        'all that only voters open is sealed under another key, and the one before is forgotten; skein keys ls names what may have been read with it'
      this.#tell('secretsKey.alone', now, text)
    }
  }

  #tell(kind: string, { id: key }: HeldMeshKey, text: string): void {
    const { journal, id: node, membership } = this.#agent
    journal.record({ kind, node, name: membership.nameOf(node), text, fields: { key } })
  }
}
