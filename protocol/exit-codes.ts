/** How every program of Skein ends: the same number for the same meaning, in every command. */
export const exitCodes = {
  done: 0,
  /** It ran, and failed. */
  failed: 1,
  /** Wrong usage: arguments or configuration. */
  usage: 2,
  /** Not found, or nothing matched. */
  notFound: 3,
  /** Refused, by rights or by policy. */
  refused: 4,
  /** No answer, or timed out. */
  noAnswer: 5,
  /** Some hosts failed or were silent. */
  partly: 6,
  /** Waiting for an approval (with `--no-wait`). */
  waiting: 7,
  /** A plan shows changes (`plan --detailed-exitcode`). */
  changes: 8,
  /** A stale plan, or a conflict. */
  conflict: 9,
  /** An emergency stop is in force. */
  emergencyStop: 10,
  /** `skein sim`: code threw where nothing handles it. */
  simulationCrash: 20,
  /** `skein sim`: something happened that must never happen. */
  simulationSafety: 21,
  /** `skein sim`: something that must happen did not. */
  simulationLiveness: 22,
  /** Ctrl-C: 128 and the number of SIGINT, as shells count. */
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
