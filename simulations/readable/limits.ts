/** How much of one thing is printed before the rest is only counted. A line is for a person to read. */

/** Entries named one by one, in a message or a write. */
export const entriesShownMax = 6

/** Bytes of an entry's data: as text where it is text, else the first of them in hexadecimal. */
export const textCharsMax = 20
export const hexBytesMax = 8

/** Of a checksum, enough to tell two apart. */
export const checksumCharsMax = 8
