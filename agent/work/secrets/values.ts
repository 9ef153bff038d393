/** What a secret is as a text, which a variable can hold, and what it is otherwise: bytes of a file. */

/** Undefined where it is none: not UTF-8, or with the letter that ends a variable. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

/** Editors and `echo` put one there that is no part of the secret. A file has it all the same. */
export function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  if (bytes[end - 1] === 10) {
    end--
    if (bytes[end - 1] === 13) end--
  }
  return bytes.subarray(0, end)
}
