/** Memory and swap, as /proc/meminfo tells them. */
export interface SwapFigures {
  swapTotalBytes: number
  swapUsedBytes: number
}

export interface MemoryFigures {
  totalBytes: number
  availableBytes: number
  /** Absent where the kernel does not tell. */
  swap?: SwapFigures
}

/** Undefined when the text has no total. */
export function parseMeminfo(text: string): MemoryFigures | undefined {
  const totalBytes = field(text, 'MemTotal:')
  if (totalBytes === undefined) return undefined
  const swapTotalBytes = field(text, 'SwapTotal:')
  const swapFreeBytes = field(text, 'SwapFree:')
  const availableBytes = field(text, 'MemAvailable:') ?? estimateAvailable(text)
  return {
    totalBytes,
    availableBytes: Math.min(availableBytes, totalBytes),
    ...(swapTotalBytes !== undefined &&
      swapFreeBytes !== undefined && {
        swap: { swapTotalBytes, swapUsedBytes: Math.max(0, swapTotalBytes - swapFreeBytes) },
      }),
  }
}

/** Kernels before 3.14, and some containers, do not say what is available. */
function estimateAvailable(text: string): number {
  return ['MemFree:', 'Buffers:', 'Cached:', 'SReclaimable:']
    .map((name) => field(text, name) ?? 0)
    .reduce((sum, bytes) => sum + bytes, 0)
}

/** The kernel writes `kB` and means 1,024 bytes. */
function field(text: string, name: string): number | undefined {
  const start = text.startsWith(name) ? 0 : text.indexOf(`\n${name}`) + 1
  if (start === 0 && !text.startsWith(name)) return undefined
  const end = text.indexOf('\n', start)
  if (end < 0) return undefined
  const kibibytes = Number.parseInt(text.slice(start + name.length, end), 10)
  return Number.isFinite(kibibytes) ? kibibytes * 1024 : undefined
}
