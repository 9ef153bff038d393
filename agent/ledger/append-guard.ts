/** Who is asked before a command of another host is appended. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'

export type Admitted =
  /** Which may be worded otherwise. `settle` is told whether it took effect, or may have. */
  { ok: true; command: Command; settle(tookEffect: boolean): void } | { ok: false; detail: string }

export interface AppendGuard {
  /**
   * Undefined: nobody has to vouch for it. `proof` is a command that a person has signed, `from` the
   * host that asks.
   */
  admit(
    command: Command,
    proof: Uint8Array | undefined,
    from: PeerId,
  ): Promise<Admitted> | undefined
}
