/** Who is asked before a command of another host is appended. */
import type { Command } from '../../protocol/ledger/catalogue.ts'

export type Admitted =
  /** `settle` is told whether the command took effect, or may have. */
  { ok: true; settle(tookEffect: boolean): void } | { ok: false; detail: string }

export interface AppendGuard {
  /** Undefined: nobody has to vouch for it. `proof` is a command that a person has signed. */
  admit(command: Command, proof: Uint8Array | undefined): Promise<Admitted> | undefined
}
