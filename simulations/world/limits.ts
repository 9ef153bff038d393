/** The size of a world, and what ends a run that goes nowhere. */
export const worldLimits = {
  /** Every pair of hosts has a wire each way once they talk. */
  hostsMax: 10_000,
  /** Events at one instant of virtual time. More are a loop of timers without delay: a bug. */
  eventsPerInstantMax: 1_000_000,
} as const

/** How TCP behaves where it shows. Linux's figures. */
export const tcp = {
  /** First wait before something lost is sent again; it doubles with each further loss. */
  retransmitFirstMs: 200,
  /** The longest. */
  retransmitMostMs: 120_000,
  /** A connection whose other end has been silent for so long is given up. */
  keepAliveMs: 30_000,
  /** Headers of TCP and IP, of Noise and of Yamux, for each parcel. */
  overheadBytes: 70,
} as const

/** What starting and signalling a program takes. */
export const processTimes = {
  startMs: 1.5,
  startJitterMs: 1,
  signalMs: 0.05,
  /** From a program's write until its agent has read it. */
  pipeMs: 0.1,
} as const

/** The calendar of a new world: 1 January 2026. */
export const calendarOriginMs = 1_767_225_600_000

/** What a change to a file takes until it is done. */
export const fileTimes = { callMs: 0.05 } as const

/** What a call to the blobs takes, and how fast bytes are hashed, read and written there. */
export const blobTimes = { callMs: 0.2, bytesPerMs: 400_000 } as const
