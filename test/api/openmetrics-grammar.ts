/**
 * Reads OpenMetrics 1.0 text as its specification writes it down, and takes nothing that is not in
 * it. Written from the specification and not from our printer, so that the two can disagree.
 */
import assert from 'node:assert/strict'

export interface ReadSample {
  name: string
  labels: Map<string, string>
  value: number
}

export interface ReadFamily {
  name: string
  type: string
  unit: string | undefined
  help: string | undefined
  samples: ReadSample[]
}

const metricName = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const labelName = '[a-zA-Z_][a-zA-Z0-9_]*'
/** Any characters but line feed, quote and backslash, or one of them escaped. */
const escapedString = String.raw`(?:[^\n"\\]|\\[^\n])*`
const number = String.raw`[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|[iI][nN][fF](?:inity)?)|NaN`

const descriptor = new RegExp(`^# (HELP|TYPE|UNIT) (${metricName}) (.*)$`)
const sampleLine = new RegExp(`^(${metricName})(?:\\{(.*)\\})? (${number})$`)
const label = new RegExp(`^(${labelName})="(${escapedString})"(?:,|$)`)

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
}

export function readOpenMetrics(text: string): ReadFamily[] {
  assert.ok(text.endsWith('\n# EOF\n') || text === '# EOF\n', 'it ends with # EOF and a line feed')
  assert.ok(!text.includes('\r'))
  const lines = text.split('\n').slice(0, -2)
  const families: ReadFamily[] = []
  for (const line of lines) {
    const described = descriptor.exec(line)
    if (described !== null) describe(families, described)
    else addSample(families, line)
  }
  for (const family of families) checkFamily(family)
  const names = families.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length, 'a family stands in one place')
  return families
}

function describe(families: ReadFamily[], [, keyword, name, rest]: RegExpExecArray): void {
  const open = families.at(-1)
  const family: ReadFamily =
    open?.name === name
      ? open!
      : { name: name!, type: 'unknown', unit: undefined, help: undefined, samples: [] }
  if (family !== open) families.push(family)
  assert.equal(family.samples.length, 0, 'a family is described before its samples')
  if (keyword === 'HELP') {
    assert.equal(family.help, undefined)
    assert.match(rest!, new RegExp(`^${escapedString}$`), 'a quote in a help is escaped')
    family.help = unescaped(rest!)
  } else if (keyword === 'TYPE') {
    assert.ok(Object.hasOwn(suffixes, rest!), `a known type, not ${rest}`)
    family.type = rest!
  } else {
    assert.ok(family.name.endsWith(`_${rest}`), 'a name ends in its unit')
    family.unit = rest!
  }
}

function addSample(families: ReadFamily[], line: string): void {
  const parts = sampleLine.exec(line)
  assert.ok(parts, `a sample: ${line}`)
  const family = families.at(-1)
  assert.ok(family, 'a sample belongs to a family')
  const [, name, labelText, value] = parts
  const known = suffixes[family.type]!.map((suffix) => family.name + suffix)
  assert.ok(known.includes(name!), `${name} is a sample of the ${family.type} ${family.name}`)
  family.samples.push({
    name: name!,
    labels: readLabels(labelText ?? ''),
    value: readNumber(value!),
  })
}

function readLabels(text: string): Map<string, string> {
  const labels = new Map<string, string>()
  let rest = text
  while (rest !== '') {
    const found = label.exec(rest)
    assert.ok(found, `labels: ${text}`)
    assert.ok(!labels.has(found[1]!), 'a label stands once')
    labels.set(found[1]!, unescaped(found[2]!))
    rest = rest.slice(found[0].length)
  }
  assert.ok(!text.endsWith(','))
  return labels
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
}

function readNumber(text: string): number {
  const infinite = /^([+-]?)inf/i.exec(text)
  if (infinite === null) return Number(text)
  return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

function checkFamily({ type, samples }: ReadFamily): void {
  const seen = samples.map(({ name, labels }) => `${name} ${JSON.stringify([...labels].sort())}`)
  assert.equal(new Set(seen).size, seen.length, 'a series stands once')
  if (type === 'counter') assert.ok(samples.every(({ value }) => value >= 0))
  if (type === 'histogram') checkHistogram(samples)
}

/** Buckets ascend, in bounds and counts; the last is +Inf and equals the count. */
function checkHistogram(samples: readonly ReadSample[]): void {
  let last = { bound: Number.NEGATIVE_INFINITY, count: 0 }
  for (const { name, labels, value } of samples) {
    if (name.endsWith('_bucket')) {
      const text = labels.get('le')!
      assert.match(text, /^[+-]?(\d+\.\d+|\d+(\.\d+)?e[+-]?\d+|Inf)$/, `a canonical bound: ${text}`)
      const bound = readNumber(text)
      assert.ok(bound > last.bound && value >= last.count)
      last = { bound, count: value }
    } else if (name.endsWith('_count')) {
      assert.equal(last.bound, Number.POSITIVE_INFINITY)
      assert.equal(value, last.count)
      last = { bound: Number.NEGATIVE_INFINITY, count: 0 }
    }
  }
}
