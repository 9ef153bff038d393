/** Who is told of each key that a running agent obeys. A key that is declared live without one does not compile. */
import type { Agent } from '../../agent/agent.ts'
import type { Tuners } from '../../agent/config/live.ts'
import type { Config } from '../../agent/config/schema.ts'
import type { HistorySettings } from '../../agent/history/limits.ts'
import type { SamplingSettings } from '../../agent/telemetry/limits.ts'
import type { WorkTuning } from '../../agent/work/limits.ts'

/** What is no part of an agent, or is read where it is needed. */
export interface TunedElsewhere {
  setLevel(level: Config['log']['level']): void
  /** So long do runs that have ended stay in the ledger. */
  archiveAfter(afterMs: number): void
}

export function tunersOf(agent: Agent, elsewhere: TunedElsewhere): Tuners {
  const sampling = (config: Config) => agent.sampler.retune(samplingOf(config))
  const runs = (config: Config) => agent.history.retune(runsOf(config))
  const work = (config: Config) => agent.retuneWork(workTuningOf(config))
  return {
    'log.level': ({ log }) => elsewhere.setLevel(log.level),
    'telemetry.intervalMin': sampling,
    'telemetry.intervalMax': sampling,
    'membership.probeInterval': ({ membership }) =>
      agent.membership.retune(membership.probeInterval),
    'history.retention': sampling,
    'history.runsAge': runs,
    'history.runsMax': runs,
    'history.runsBytes': runs,
    'history.runsArchiveAfter': ({ history }) => elsewhere.archiveAfter(history.runsArchiveAfter),
    'work.enabled': work,
    'work.sandbox': work,
    'work.attemptsMax': work,
    'work.queueMax': work,
    'work.killOnStop': work,
    'work.logBytesMax': work,
    'work.logsBytesMax': work,
    'work.logsAge': work,
    'artifacts.quota': ({ artifacts }) => agent.artifacts.retune(artifacts.quota),
  }
}

export function samplingOf({ telemetry, history }: Config): SamplingSettings {
  return {
    intervalMsMin: telemetry.intervalMin,
    intervalMsMax: telemetry.intervalMax,
    retentionMs: history.retention,
  }
}

export function runsOf({ history }: Config): HistorySettings {
  return { ageMs: history.runsAge, runsMax: history.runsMax, bytesMax: history.runsBytes }
}

export function workTuningOf({ work }: Config): Required<WorkTuning> {
  const { enabled, attemptsMax, queueMax, killOnStop, logBytesMax, logsBytesMax, sandbox } = work
  const limits = { attemptsMax, queueMax, logBytesMax, logsBytesMax, logsAgeMs: work.logsAge }
  return { ...limits, enabled, killOnStop, sandbox }
}
