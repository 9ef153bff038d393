/**
 * One minute of history as bytes: version, then for each point its place in the minute, which of
 * the optional figures it has, those as 32-bit and the others as 64-bit floats, little-endian.
 */
import { assert } from '../../protocol/assert.ts'
import { byteFigures, type HistoryPoint, optionalFigures } from './history-point.ts'
import { historyLimits, pointsPerChunk } from './limits.ts'

const chunkVersion = 1
const pointBytes = 2 + 4 * optionalFigures.length + 8 * byteFigures.length

/** The minute that a point belongs to; one that ends with the minute is its last. */
export function chunkOf(atMs: number): number {
  return Math.ceil(atMs / historyLimits.chunkMs) - 1
}

/** The times of a minute's points: `fromMs` ≤ time < `toMs`. */
export function spanOf(chunk: number): { fromMs: number; toMs: number } {
  const fromMs = chunk * historyLimits.chunkMs + historyLimits.pointIntervalMs
  return { fromMs, toMs: fromMs + historyLimits.chunkMs }
}

export function encodeChunk(chunk: number, points: readonly HistoryPoint[]): Uint8Array {
  assert(points.length <= pointsPerChunk, 'a chunk holds one minute', { points: points.length })
  const bytes = new Uint8Array(1 + points.length * pointBytes)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, chunkVersion)
  let offset = 1
  for (const point of points) {
    const place = (point.atMs - spanOf(chunk).fromMs) / historyLimits.pointIntervalMs
    assert(Number.isInteger(place) && place >= 0 && place < pointsPerChunk, 'a point has a place')
    view.setUint8(offset, place)
    let present = 0
    for (const [i, figure] of optionalFigures.entries()) {
      const value = point[figure]
      if (value !== undefined) present |= 1 << i
      view.setFloat32(offset + 2 + 4 * i, value ?? 0, true)
    }
    view.setUint8(offset + 1, present)
    const rest = offset + 2 + 4 * optionalFigures.length
    for (const [i, figure] of byteFigures.entries()) {
      view.setFloat64(rest + 8 * i, point[figure], true)
    }
    offset += pointBytes
  }
  return bytes
}

/** Undefined for what this version cannot read: the minute is then a gap. */
export function decodeChunk(chunk: number, bytes: Uint8Array): HistoryPoint[] | undefined {
  const count = (bytes.length - 1) / pointBytes
  if (bytes[0] !== chunkVersion || !Number.isInteger(count) || count > pointsPerChunk)
    return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const points: HistoryPoint[] = []
  let newestPlace = -1
  for (let offset = 1; offset < bytes.length; offset += pointBytes) {
    const place = view.getUint8(offset)
    if (place <= newestPlace || place >= pointsPerChunk) return undefined
    newestPlace = place
    points.push(
      decodePoint(view, offset, spanOf(chunk).fromMs + place * historyLimits.pointIntervalMs),
    )
  }
  return points
}

function decodePoint(view: DataView, offset: number, atMs: number): HistoryPoint {
  const rest = offset + 2 + 4 * optionalFigures.length
  const point: HistoryPoint = {
    atMs,
    memoryUsedBytes: 0,
    diskAvailableBytes: 0,
    receivedBytesPerSecond: 0,
    sentBytesPerSecond: 0,
    agentResidentBytes: 0,
  }
  for (const [i, figure] of byteFigures.entries())
    point[figure] = view.getFloat64(rest + 8 * i, true)
  const present = view.getUint8(offset + 1)
  for (const [i, figure] of optionalFigures.entries()) {
    if (present & (1 << i)) point[figure] = view.getFloat32(offset + 2 + 4 * i, true)
  }
  return point
}
