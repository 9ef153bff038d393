/** The kinds of command that runs and workflows come down to. */
import { advanceKinds } from './work-advance.ts'
import { archiveKinds } from './work-archive.ts'
import { runKinds } from './work-runs.ts'
import { signalKinds } from './work-signals.ts'
import { workflowKinds } from './work-workflows.ts'

/** Those that may stand in a batch. */
export const workRequestKinds = { ...workflowKinds, ...runKinds, ...signalKinds }
export const workKinds = { ...archiveKinds, ...advanceKinds }
