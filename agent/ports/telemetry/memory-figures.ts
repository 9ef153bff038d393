/** Memory, as /proc/meminfo tells it. */
export interface MemoryFigures {
  totalBytes: number
  availableBytes: number
  swapTotalBytes: number
  swapUsedBytes: number
}

/** Undefined when the text has no total. */
export function parseMeminfo(text: string): MemoryFigures | undefined {
  const totalBytes = field(text, 'MemTotal:')
  if (totalBytes === undefined) return undefined
  const swapTotalBytes = field(text, 'SwapTotal:') ?? 0
  const availableBytes = field(text, 'MemAvailable:') ?? estimateAvailable(text)
  return {
    totalBytes,
    availableBytes: Math.min(availableBytes, totalBytes),
    swapTotalBytes,
    swapUsedBytes: Math.max(0, swapTotalBytes - (field(text, 'SwapFree:') ?? swapTotalBytes)),
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
