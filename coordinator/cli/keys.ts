/** Single keys from a terminal, while a live table is shown. */
import type { Keys } from './top.ts'

/** Undefined when nobody can press any. */
export function terminalKeys(): Keys | undefined {
  const { stdin } = process
  if (!stdin.isTTY) return undefined
  return {
    listen(onKey) {
      const onData = (chunk: Buffer) => {
        for (const key of chunk.toString('utf8')) onKey(key)
      }
      stdin.setRawMode(true)
      stdin.on('data', onData)
      stdin.resume()
      return () => {
        stdin.off('data', onData)
        stdin.setRawMode(false)
        stdin.pause()
      }
    },
  }
}
