/** What a step that was ended from here says; the attempt's life knows why, and says that instead. */
import type { StepEnd } from './executor.ts'

export const givenUp: StepEnd = {
  kind: 'failed',
  errorClass: 'lost',
  code: 'agentStopped',
  message: 'the agent was stopped while it ran, and such a step cannot be carried on',
}
