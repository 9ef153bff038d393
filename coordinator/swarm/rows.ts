/** The swarm key in the ledger: what people wish of it, and what whoever leads has made of that. */
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvPut, kvRow } from '../../protocol/ledger/kv-rows.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { type SwarmGoal, type SwarmStep, swarmStepOf, swarmSteps } from './steps.ts'
import { FINISH_WISH, KEY_ROW, NAMESPACE, type ROTATE_WISH, SwarmRow, SwarmWish } from './wire.ts'

/** The key that the mesh goes over to, or has gone over to. */
export interface HeldRow extends SwarmGoal {
  step: SwarmStep
  /** In this step. */
  sinceMs: number
  by: string
  was: string
  now: string
  sealed: Uint8Array
  /** At which the row may be changed; 0: there is none yet. */
  revision: number
}

/** Undefined where the swarm key is the one that the mesh began with. */
export function rowIn(state: LedgerState): HeldRow | undefined {
  const held = kvRow(state, NAMESPACE, KEY_ROW)
  const row = held && decode(SwarmRow, held.value)
  const step = row?.ok ? swarmStepOf(row.value.step) : undefined
  if (held === undefined || !row?.ok || step === undefined) return undefined
  return { ...row.value, step, revision: held.revision }
}

export function putRow({ revision, step, ...rest }: HeldRow): SimpleCommand {
  const value = encode(SwarmRow, { ...rest, step: swarmSteps[step] })
  return kvPut(NAMESPACE, KEY_ROW, value, revision)
}

export function wishIn(
  state: LedgerState,
  key: typeof ROTATE_WISH | typeof FINISH_WISH,
): SwarmWish | undefined {
  const held = kvRow(state, NAMESPACE, key)
  const wish = held && decode(SwarmWish, held.value)
  return wish?.ok ? wish.value : undefined
}

/** Of a row as another host has written it: in whose name it is, and of when. */
export function wishFrom(value: Uint8Array): SwarmWish | undefined {
  const wish = decode(SwarmWish, value)
  return wish.ok ? wish.value : undefined
}

export function isFinishWished(state: LedgerState, { madeMs }: SwarmGoal): boolean {
  return wishIn(state, FINISH_WISH)?.madeMs === madeMs
}

export function putWish(
  key: typeof ROTATE_WISH | typeof FINISH_WISH,
  wish: SwarmWish,
): SimpleCommand {
  return kvPut(NAMESPACE, key, encode(SwarmWish, wish))
}
