/** The event that a stage tells others of when it has succeeded. */
import type { SignalSend } from '../../../protocol/ledger/commands/work-signals.ts'
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import { renderJson } from '../../../protocol/workflow/rendering.ts'
import { namesFor } from './names.ts'
import { fitting, need, placeOf, type RenderedAs, rendered, text } from './rendering.ts'
import type { Unit } from './run.ts'

/** The signal that a stage sends when it has succeeded. */
export function signalOf({ run, plan, item }: Unit): RenderedAs<SignalSend | undefined> {
  const { stage } = plan
  const { signal } = stage
  if (signal === undefined || item >= 0) return { ok: true, value: undefined }
  return rendered(() => {
    const names = namesFor(run, plan)
    const at = placeOf(stage, 'signal')
    const { noteBytesMax, signalDataBytesMax } = stateLimits
    const event = text(`${at}.event`, signal.event, names, noteBytesMax)
    const key = signal.key && text(`${at}.key`, signal.key, names, noteBytesMax)
    const data =
      signal.data &&
      fitting(
        `${at}.data`,
        JSON.stringify(need(`${at}.data`, renderJson(signal.data, names))),
        signalDataBytesMax,
      )
    const by = `run ${run.id}`
    return {
      event,
      by,
      ...(key === undefined ? {} : { key }),
      ...(data === undefined ? {} : { data }),
    }
  })
}
