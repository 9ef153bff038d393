import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { expose, formatFor } from '../../agent/metrics/exposition.ts'
import { labelValueLengthMax, seriesPerFamilyMax } from '../../agent/metrics/limits.ts'
import { Metrics } from '../../agent/metrics/registry.ts'
import { readOpenMetrics } from './openmetrics-grammar.ts'

function read(metrics: Metrics) {
  const families = readOpenMetrics(expose(metrics, 'openMetrics'))
  return new Map(families.map((family) => [family.name, family]))
}

test('what was counted is exposed, with help, type and unit', () => {
  const metrics = new Metrics()
  const sent = metrics.counter('skein_sent_bytes', { help: 'Sent', unit: 'bytes', labels: ['to'] })
  sent.with('n1').add(5)
  sent.with('n1').add()
  sent.with('n2').add(0.5)
  const family = read(metrics).get('skein_sent_bytes')!
  assert.deepEqual([family.type, family.unit, family.help], ['counter', 'bytes', 'Sent'])
  const samples = family.samples.map(({ name, labels, value }) => [name, labels.get('to'), value])
  assert.deepEqual(samples, [
    ['skein_sent_bytes_total', 'n1', 6],
    ['skein_sent_bytes_total', 'n2', 0.5],
  ])
})

test('a histogram counts each value in the first bucket that holds it', () => {
  const metrics = new Metrics()
  const described = { help: 'Waits', unit: 'seconds', bounds: [0.1, 1, 10] } as const
  const waits = metrics.histogram('skein_wait_seconds', described).with()
  for (const value of [0.05, 0.1, 0.2, 10, 11, Number.NaN]) waits.observe(value)
  const { samples } = read(metrics).get('skein_wait_seconds')!
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels.get('le'), value]),
    [
      ['0.1', 2],
      ['1.0', 3],
      ['10.0', 4],
      ['+Inf', 5],
      [undefined, 5],
      [undefined, 21.35],
    ],
  )
})

test('what mirrors something is read at each scrape, and forgets what is gone', () => {
  const metrics = new Metrics()
  const load = metrics.gauge('skein_load_ratio', { help: 'Load', unit: 'ratio', labels: ['node'] })
  let nodes = ['n1', 'n2']
  metrics.onScrape(() => {
    load.clear()
    for (const node of nodes) load.with(node).set(nodes.length)
  })
  const values = () =>
    read(metrics)
      .get('skein_load_ratio')!
      .samples.map(({ labels, value }) => [labels.get('node'), value])
  assert.deepEqual(values(), [
    ['n1', 2],
    ['n2', 2],
  ])
  nodes = ['n3']
  assert.deepEqual(values(), [['n3', 1]])
})

test('labels from outside cannot grow a metric without end', () => {
  const metrics = new Metrics()
  const asked = metrics.counter('skein_asked', { help: 'Asked', labels: ['path', 'by'] })
  const many = seriesPerFamilyMax * 3
  for (let i = 0; i < many; i++) asked.with(`/${i}`, 'x').add()
  asked.with('/0', 'x').add()
  const families = read(metrics)
  const { samples } = families.get('skein_asked')!
  assert.equal(samples.length, seriesPerFamilyMax)
  const of = (path: string) => samples.find(({ labels }) => labels.get('path') === path)?.value
  assert.equal(of('/0'), 2)
  assert.equal(of('other'), many - (seriesPerFamilyMax - 1))
  assert.equal(
    samples.reduce((sum, { value }) => sum + value, 0),
    many + 1,
  )
  const refused = families.get('skein_metric_series_refused')!.samples[0]!
  assert.equal(refused.value, many - (seriesPerFamilyMax - 1))
  asked.with('long'.repeat(1_000), 'x')
  for (const { labels } of read(metrics).get('skein_asked')!.samples) {
    assert.ok(labels.get('path')!.length <= labelValueLengthMax)
  }
})

test('names that would mislead are bugs', () => {
  const metrics = new Metrics()
  const gauge = (name: string, rest: object = {}) => metrics.gauge(name, { help: 'x', ...rest })
  gauge('skein_a')
  const unlawful: [string, object?][] = [
    ['skein_a'],
    ['Skein'],
    ['skein_things_total'],
    ['skein_b_count'],
    ['skein_age', { unit: 'seconds' }],
    ['skein_c', { labels: ['a', 'a'] }],
    ['skein_d', { labels: ['le gal'] }],
  ]
  for (const [name, rest] of unlawful) assert.throws(() => gauge(name, rest), /AssertionFailed/)
  const bounds = [1, 1]
  assert.throws(() => metrics.histogram('skein_h', { help: 'x', bounds }), /bounds must ascend/)
  assert.throws(() => metrics.counter('skein_e', { help: 'x' }).with().add(-1), /never goes back/)
})

test('whatever is in labels, helps and values, the text keeps to the grammar and reads back', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'n', 'ü', '}', ',', '=') })
  const value = fc.oneof(fc.double({ noNaN: true }), fc.integer())
  fc.assert(
    fc.property(
      text,
      fc.array(fc.tuple(text, text, value)),
      fc.array(value),
      (help, rows, seen) => {
        const metrics = new Metrics()
        const gauge = metrics.gauge('skein_g', { help, labels: ['a', 'b'] })
        const bounds = [-1, 0, 0.25, 1e-7, 1e21].sort((a, b) => a - b)
        const histogram = metrics.histogram('skein_h', { help, bounds, labels: ['a'] })
        for (const [a, b, set] of rows) gauge.with(a, b).set(set)
        for (const observed of seen) histogram.with(help).observe(observed)
        const families = read(metrics)
        assert.equal(families.get('skein_g')!.help, help)
        for (const { labels, value } of families.get('skein_g')!.samples) {
          const last = rows.findLast(([a, b]) => labels.get('a') === a && labels.get('b') === b)
          assert.equal(value, last![2] + 0)
        }
      },
    ),
  )
})

test('a scraper gets the format that it says it reads, and the older one otherwise', () => {
  assert.equal(
    formatFor('application/openmetrics-text;version=1.0.0,text/plain;q=0.5'),
    'openMetrics',
  )
  assert.equal(formatFor('*/*'), 'prometheus')
  assert.equal(formatFor(undefined), 'prometheus')
  const metrics = new Metrics()
  metrics.counter('skein_x', { help: 'say "x"\\' }).with().add(2)
  const older = expose(metrics, 'prometheus')
  assert.ok(older.includes('# HELP skein_x_total say "x"\\\\\n# TYPE skein_x_total counter\n'))
  assert.ok(older.endsWith('skein_x_total 2\n'))
})
