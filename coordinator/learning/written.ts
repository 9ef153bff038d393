/**
 * What is written of learning, as whoever leads writes it: rows that take effect together, each deed
 * with its note in the audit log, and an event of each once it took effect.
 */
import type { Agent } from '../../agent/agent.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvRow } from '../../protocol/ledger/kv-rows.ts'
import { fitted } from '../audit/deed.ts'
import { freshState } from '../runs/fresh.ts'
import { learningLimits } from './limits.ts'

export type Writer = Pick<Agent, 'ledger' | 'membership' | 'journal' | 'ports' | 'id'>

/** A deed of whoever leads, as it is told. */
export interface Told {
  /** Of the event, and what was done in the audit log: `model.shadow`. */
  readonly kind: string
  /** To what. */
  readonly object: string
  /** For the audit log. */
  readonly detail: string
  /** For people who follow events. */
  readonly text: string
  readonly fields: Readonly<Record<string, string | number>>
}

export type Written = { readonly ok: true } | { readonly ok: false; readonly why: string }

export async function written(
  agent: Writer,
  commands: readonly SimpleCommand[],
  told: readonly Told[] = [],
): Promise<Written> {
  const name = agent.membership.nameOf(agent.id) ?? agent.id
  const notes = told.map(({ kind, object, detail }) =>
    fitted({ actor: `agent ${name}`, verb: kind, object, from: name, detail, outcome: 'ok' }),
  )
  const [audit, ...more] = notes
  const beside = more.map((value) => ({ kind: 'auditAppend' as const, value }))
  const value = { commands: [...commands, ...beside], ...(audit === undefined ? {} : { audit }) }
  const timeoutMs = learningLimits.appendMs
  const outcome = await agent.ledger.append({ kind: 'batch', value }, { timeoutMs })
  const isKnown = outcome.kind !== 'unknown'
  if (!isKnown && !(await isThere(agent, commands))) return lost(outcome.why)
  if (outcome.kind === 'refused') return lost(outcome.why)
  if (outcome.kind === 'applied' && outcome.result.code !== 'ok') {
    return { ok: false, why: `it has changed meanwhile (${outcome.result.code})` }
  }
  for (const { kind, text, fields } of told) {
    agent.journal.record({ kind, node: agent.id, name, text, fields })
  }
  return { ok: true }
}

const lost = (why: string): Written => ({ ok: false, why: `the ledger: ${why}` })

/** Of what nobody knows what came of it: whether it stands there now, as it was written. */
async function isThere(agent: Writer, commands: readonly SimpleCommand[]): Promise<boolean> {
  const { signal } = new AbortController()
  const { state, fresh } = await freshState(agent, signal, learningLimits.appendMs)
  if (!fresh) return false
  return commands.every((command) => {
    if (command.kind !== 'kvPut') return true
    const { namespace, key, value } = command.value
    const held = kvRow(state, namespace, key)
    return held !== undefined && Buffer.from(held.value).equals(value)
  })
}
