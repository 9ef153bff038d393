/**
 * libp2p's logger, silenced. Its default one makes a logger object for every connection and every
 * stream and describes every muxer frame to it, whether anybody listens or not; what people need
 * to know of the network is logged by this folder in its own words.
 */
import type { ComponentLogger, Logger } from '@libp2p/interface'

const nothing = (): void => {}

const quiet: Logger = Object.assign(() => {}, {
  error: nothing,
  trace: nothing,
  enabled: false,
  newScope: (): Logger => quiet,
})

export const quietLogger: ComponentLogger = { forComponent: () => quiet }
