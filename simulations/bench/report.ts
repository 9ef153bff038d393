/** How every benchmark tells its figures: one document for programs, one table for people. */
import { cpus, totalmem } from 'node:os'
import { exitCodes } from '../../protocol/exit-codes.ts'

export interface Figure {
  metric: string
  unit: string
  value: number
  /** What it should be, e.g. `< 128`. */
  goal?: string
  peer?: string
  peerValue?: number
  ratio?: number
  /** Undefined where there is no goal. */
  holds?: boolean
}

const DIGITS = 4

export function report(bench: string, results: Figure[], json: boolean): number {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
  if (json) {
    process.stdout.write(`${JSON.stringify({ schemaVersion: 1, bench, machine, results })}\n`)
  } else {
    process.stdout.write(`${bench} on ${machine}\n`)
    const rows = results.map((figure) => [
      figure.metric,
      `${shown(figure.value)} ${figure.unit}`,
      figure.goal ?? '',
      figure.peer === undefined ? '' : besideIt(figure.peer, figure),
      figure.holds === undefined ? '' : figure.holds ? 'holds' : 'DOES NOT HOLD',
    ])
    const widths = [0, 1, 2, 3].map((i) =>
      Math.max(...rows.map((row) => (row[i] as string).length)),
    )
    for (const row of rows) {
      process.stdout.write(
        `  ${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
      )
    }
  }
  return results.every(({ holds }) => holds !== false) ? exitCodes.done : exitCodes.failed
}

function besideIt(peer: string, { peerValue, ratio }: Figure): string {
  if (peerValue === undefined) return peer
  return `${peer} ${shown(peerValue)}${ratio === undefined ? '' : ` (ratio ${ratio.toFixed(2)})`}`
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(DIGITS)
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
