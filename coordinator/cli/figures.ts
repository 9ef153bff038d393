/** Figures for eyes. What is not known is a dash, never a zero. */
export const ABSENT = '–'

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export function bytes(value: number | undefined): string {
  if (value === undefined) return ABSENT
  let unit = 0
  let scaled = value
  while (scaled >= 1_024 && unit < byteUnits.length - 1) {
    scaled /= 1_024
    unit++
  }
  return `${scaled >= 100 || unit === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${byteUnits[unit]}`
}

export function rate(bytesPerSecond: number | undefined): string {
  return bytesPerSecond === undefined ? ABSENT : `${bytes(bytesPerSecond)}/s`
}

export function percent(share: number | undefined, digits = 0): string {
  return share === undefined ? ABSENT : `${(share * 100).toFixed(digits)}%`
}

export function age(ms: number | undefined): string {
  if (ms === undefined) return ABSENT
  if (ms < 1_000) return `${Math.round(ms)}ms`
  const seconds = ms / 1_000
  if (seconds < 10) return `${seconds.toFixed(1)}s`
  if (seconds < 120) return `${Math.round(seconds)}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours}h${minutes % 60}m` : `${Math.floor(hours / 24)}d`
}

/** Marks a figure that is older than it should be, also where there are no colours. */
export function fresh(text: string, stale: boolean): string {
  return stale && text !== ABSENT ? `~${text}` : text
}

/** As the clock on the wall of whoever reads it says. */
export function clockTime(atMs: number): string {
  const at = new Date(atMs)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** By the same clock. */
export function calendarDay(atMs: number): string {
  const at = new Date(atMs)
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}

/** By the same clock, with how far that is from UTC, for what is passed on to others. */
export function zonedTime(atMs: number): string {
  const east = -new Date(atMs).getTimezoneOffset()
  const [hours, minutes] = [Math.floor(Math.abs(east) / 60), Math.abs(east) % 60]
  const zone = east === 0 ? 'UTC' : `${east < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`
  return `${calendarDay(atMs)} ${clockTime(atMs)} ${zone}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** Eighths of a cell, so that a short bar still tells. */
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

export function bar(share: number | undefined, width: number): string {
  if (share === undefined) return ' '.repeat(width)
  const cells = Math.max(0, Math.min(1, share)) * width
  const whole = Math.floor(cells)
  const part = whole < width ? (eighths[Math.floor((cells - whole) * 8)] ?? '') : ''
  return ('█'.repeat(whole) + part).padEnd(width, '·').slice(0, width)
}

const steps = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** One cell a value; a gap is a space. Scaled to `max`, or to the greatest value. */
export function sparkline(values: readonly (number | undefined)[], max?: number): string {
  const known = values.filter((value) => value !== undefined)
  const top = max ?? Math.max(...known, 0)
  return values
    .map((value) => {
      if (value === undefined) return ' '
      const step = top > 0 ? Math.floor((value / top) * steps.length) : 0
      return steps[Math.max(0, Math.min(steps.length - 1, step))]
    })
    .join('')
}
