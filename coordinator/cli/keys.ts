/** Single keys from a terminal, while a live table is shown. */
import type { Keys } from './top.ts'

export const CTRL_C = '\x03'

/** Whoever ends the program otherwise wants the terminal back as it was, too. */
const endings = ['SIGTERM', 'SIGHUP'] as const

/** Undefined when nobody can press any. */
export function terminalKeys(): Keys | undefined {
  const { stdin } = process
  if (!stdin.isTTY) return undefined
  return {
    listen(onKey) {
      const onData = (chunk: Buffer) => {
        for (const key of chunk.toString('utf8')) onKey(key)
      }
      const onEnd = () => onKey(CTRL_C)
      for (const signal of endings) process.on(signal, onEnd)
      stdin.setRawMode(true)
      stdin.on('data', onData)
      stdin.resume()
      return () => {
        for (const signal of endings) process.off(signal, onEnd)
        stdin.off('data', onData)
        stdin.setRawMode(false)
        stdin.pause()
      }
    },
  }
}
