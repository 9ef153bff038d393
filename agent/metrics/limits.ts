/** How much may be counted. Every series costs memory here and in every monitoring that scrapes it. */

/** Series of one family. Beyond it, what is counted goes to one series whose labels all say `other`. */
export const seriesPerFamilyMax = 200

/** Families of one registry: more is a bug of ours, and asserted. */
export const familiesMax = 500

/** Bounds of a histogram. */
export const bucketsMax = 32

/** Longer label values are cut: they come from outside, and are for telling apart, not for reading. */
export const labelValueLengthMax = 128
