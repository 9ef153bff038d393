/**
 * Metrics as text, in OpenMetrics 1.0 and in the older format that it came from. A scraper says
 * which it reads; one that does not say is taken for an old one or a person, and gets the older.
 */
import type { AnyFamily, Histogram, Metrics } from './registry.ts'

export type Format = 'openMetrics' | 'prometheus'

export const contentTypes: Readonly<Record<Format, string>> = {
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
}

/** `accept` is the request's header, as far as it came. */
export function formatFor(accept: string | undefined): Format {
  return accept?.includes('application/openmetrics-text') ? 'openMetrics' : 'prometheus'
}

export function expose(metrics: Metrics, format: Format): string {
  const lines: string[] = []
  for (const family of metrics.scrape()) {
    lines.push(...head(family, format))
    for (const { values, series } of family.series()) {
      const labels = family.labels.map((label, i) => `${label}="${escaped(values[i]!)}"`)
      if ('bounds' in series) lines.push(...histogramLines(family.name, labels, series))
      else lines.push(line(sampleName(family), labels, series.value))
    }
  }
  if (format === 'openMetrics') lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

/** The older format knows no unit, and calls a counter by the name of its samples. */
function head(family: AnyFamily, format: Format): string[] {
  const name = format === 'openMetrics' ? family.name : sampleName(family)
  const help = format === 'openMetrics' ? escaped(family.help) : escapedLine(family.help)
  const unit = format === 'openMetrics' && family.unit !== undefined
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${family.kind}`,
    ...(unit ? [`# UNIT ${name} ${family.unit}`] : []),
  ]
}

function sampleName({ kind, name }: AnyFamily): string {
  return kind === 'counter' ? `${name}_total` : name
}

function histogramLines(name: string, labels: readonly string[], histogram: Histogram): string[] {
  const lines: string[] = []
  let count = 0
  histogram.counts.forEach((inBucket, i) => {
    count += inBucket
    const bound = `le="${canonical(histogram.bounds[i] ?? Number.POSITIVE_INFINITY)}"`
    lines.push(line(`${name}_bucket`, [...labels, bound], count))
  })
  lines.push(line(`${name}_count`, labels, count), line(`${name}_sum`, labels, histogram.sum))
  return lines
}

function line(name: string, labels: readonly string[], value: number): string {
  const braces = labels.length === 0 ? '' : `{${labels.join(',')}}`
  return `${name}${braces} ${numeral(value)}`
}

function numeral(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

/** Bounds are labels and so compared as texts: a whole number is written `1.0`, everywhere. */
function canonical(bound: number): string {
  const text = numeral(bound)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

function escapedLine(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escaped(text: string): string {
  return escapedLine(text).replaceAll('"', '\\"')
}
