/** Warnings of a host in words: what, how soon, and how sure. */
import type { Filling, Growth } from '../../models/watching/filling.ts'
import { seasonLimits } from '../../models/watching/limits.ts'
import type { SeasonFigure, Verdict } from '../../models/watching/season.ts'

const MINUTE_MS = 60_000
const HOUR_MINUTES = 60
const DAY_HOURS = 24
const whats = {
  diskFull: 'the disk with the agent’s data',
  memoryFull: 'memory',
  cpu: 'cpu',
  memory: 'memory',
} as const

export function fillingText(kind: 'diskFull' | 'memoryFull', filling: Filling): string {
  const { fullInMs, soonestMs, latestMs, bytesPerHour, overMs } = filling
  const sure = Number.isFinite(latestMs)
    ? `${about(soonestMs)} to ${about(latestMs)}, nine chances in ten`
    : `${about(soonestMs)} or later`
  return `${whats[kind]} is full in ${about(fullInMs)} (${sure}) if it goes on as in the last ${about(overMs)}: ${mebibytes(bytesPerHour)} an hour`
}

export function growthText({
  bytesPerHour,
  lowBytesPerHour,
  highBytesPerHour,
  overMs,
}: Growth): string {
  const [low, high] = [mebibytes(lowBytesPerHour), mebibytes(highBytesPerHour)]
  return `the agent itself grows by ${mebibytes(bytesPerHour)} an hour (${low} to ${high}, nine chances in ten), and has for ${about(overMs)}`
}

export function unusualText(
  figure: SeasonFigure,
  { now, usual, bound, days }: Extract<Verdict, { kind: 'unusual' }>,
): string {
  return `${whats[figure]} is at ${percent(now)} for ten minutes, and at this hour with such work usually at ${percent(usual)}, up to ${percent(bound)} (by ${days} days)`
}

export function unknownText(verdict: Extract<Verdict, { kind: 'unknown' }> | undefined): string {
  const { daysMin } = seasonLimits
  const seen = verdict === undefined ? 'it has just begun to look' : `there are ${verdict.days}`
  return `what is usual at this hour with such work is unknown: that takes ${daysMin} days that had it, and ${seen}`
}

function about(ms: number): string {
  const minutes = ms / MINUTE_MS
  if (minutes < 2 * HOUR_MINUTES) return `${Math.max(1, Math.round(minutes))}m`
  const hours = minutes / HOUR_MINUTES
  return hours < 2 * DAY_HOURS ? `${Math.round(hours)}h` : `${Math.round(hours / DAY_HOURS)}d`
}

function mebibytes(bytes: number): string {
  const mebi = bytes / (1 << 20)
  return mebi >= 1_024
    ? `${(mebi / 1_024).toFixed(1)} GiB`
    : `${mebi.toFixed(mebi < 10 ? 1 : 0)} MiB`
}

function percent(share: number): string {
  return `${Math.round(100 * share)}%`
}
