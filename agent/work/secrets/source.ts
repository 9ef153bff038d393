/** Where the agent gets secrets from for the stages that it runs. */
import type { AttemptId } from '../../../protocol/work/fence.ts'
import type { ErrorClass } from '../../../protocol/workflow/model.ts'

export type OpenedSecrets =
  | { ok: true; values: ReadonlyMap<string, Uint8Array> }
  | { ok: false; errorClass: ErrorClass; why: string }

export interface SecretSource {
  /** The values of these, for an attempt that this agent was assigned. Never rejects. */
  open(names: readonly string[], attempt: AttemptId, signal: AbortSignal): Promise<OpenedSecrets>
}
