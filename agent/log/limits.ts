/** How much the log may hold, and hold up. */
export const limits = {
  /**
   * Characters of one text in a field; the rest is cut. Errors and peers can bring along whole
   * documents, and a line must stay under the 16 KiB at which container runtimes tear lines apart.
   */
  fieldLengthMax: 2_048,
  /** Bytes kept while they cannot be written (a full disk). Lines beyond it are dropped. */
  unwrittenBytesMax: 256 * 1_024,
  /** A reader that takes nothing is waited for this many times, 100 ms each, before we go on without. */
  stalledWritesMax: 5,
} as const
