/** Texts that fit what is kept and sent of them: limits are in bytes, and letters stay whole. */

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The beginning of a text. */
export function fitting(text: string, bytesMax: number): string {
  // No letter takes more than three bytes for each of its units.
  if (text.length * 3 <= bytesMax) return text
  const bytes = encoder.encode(text)
  if (bytes.length <= bytesMax) return text
  let end = bytesMax
  while (end > 0 && isContinuation(bytes[end])) end--
  return decoder.decode(bytes.subarray(0, end))
}

/** The end of what may be text; what is none stands as `\u{FFFD}`, which can take more room. */
export function lastTextOf(bytes: Uint8Array, bytesMax: number): string {
  let start = 0
  while (start < 4 && isContinuation(bytes[start])) start++
  const text = decoder.decode(bytes.subarray(start))
  const whole = encoder.encode(text)
  if (whole.length <= bytesMax) return text
  let cut = whole.length - bytesMax
  while (isContinuation(whole[cut])) cut++
  return decoder.decode(whole.subarray(cut))
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
