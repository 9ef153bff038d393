/** `skein workflow plan`: what a workflow would do on the mesh now, without doing it. */
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import type { Planned } from '../api/plan-schemas.ts'
import { type Context, document } from './context.ts'
import { planText } from './plan-text.ts'
import { inputsFrom } from './run-flags.ts'
import { workflowIn } from './workflow-file.ts'

export interface PlanFlags {
  input?: string[]
  inputs?: string
  detailedExitcode?: boolean
}

export async function plan(context: Context, file: string, flags: PlanFlags): Promise<ExitCode> {
  const read = await workflowIn(context, file)
  if (read === undefined) return exitCodes.usage
  const inputs = await inputsFrom({ ...flags, wait: true }, read.workflow)
  const body = { workflow: read.text, inputs }
  const planned = await context.client.call('plan', { body })
  if (context.json) document(context, planned)
  else context.io.out(planText(planned, file, flags, context))
  return exitCodeOf(planned, flags.detailedExitcode === true)
}

/** A stage that no host could ever run is a failure of the plan; told apart from changes always. */
function exitCodeOf({ stages }: Planned, isDetailed: boolean): ExitCode {
  if (stages.some(({ place }) => place.by === 'nobody')) return exitCodes.failed
  const isIdle = stages.every(({ place }) => place.by === 'skipped' || place.by === 'call')
  return isDetailed && !isIdle ? exitCodes.changes : exitCodes.done
}
