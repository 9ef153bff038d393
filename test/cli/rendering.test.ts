import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { Node, NodeDetail, Sample } from '../../coordinator/api/schemas.ts'
import { age, bar, bytes, fresh, percent, sparkline } from '../../coordinator/cli/figures.ts'
import type { Io } from '../../coordinator/cli/io.ts'
import { describe } from '../../coordinator/cli/node-detail.ts'
import { nodeTable } from '../../coordinator/cli/nodes.ts'
import { plain, table, width } from '../../coordinator/cli/table.ts'
import { framed, screen } from '../../coordinator/cli/top.ts'

const io: Io = {
  out: () => {},
  err: () => {},
  ask: undefined,
  terminal: false,
  colour: false,
  columns: () => 120,
  rows: () => 40,
  env: {},
}

function node(over: Partial<Node>): Node {
  return {
    id: '12D3KooWHzmk6KvHPifAtEK3BvVjqqb3ntRve63XyGpnvBwiY6sL',
    name: 'n1',
    self: false,
    state: 'alive',
    stateAgeMs: 65_000,
    heardAgeMs: 320,
    incarnation: 1,
    version: '0.1.0',
    wireVersion: 1,
    platform: 'linux-x64',
    addresses: [],
    labels: {},
    load: {
      ageMs: 640,
      stale: false,
      cpu: 0.255,
      cores: 2,
      memoryTotalBytes: 8 * 2 ** 30,
      memoryUsedBytes: 2 * 2 ** 30,
      swapUsedBytes: 0,
      diskTotalBytes: 100 * 2 ** 30,
      diskAvailableBytes: 40 * 2 ** 30,
      receivedBytesPerSecond: 2_048,
      sentBytesPerSecond: 10,
      agentCpu: 0.004,
      agentResidentBytes: 100 * 2 ** 20,
      loopLagMs: 1.4,
      localHealth: 0,
      runningAttempts: 0,
    },
    ...over,
  }
}

test('figures are short, and what is not known is a dash', () => {
  assert.equal(bytes(0), '0 B')
  assert.equal(bytes(1_536), '1.5 KiB')
  assert.equal(bytes(120 * 2 ** 30), '120 GiB')
  assert.equal(bytes(undefined), '–')
  assert.equal(percent(0.255), '26%')
  assert.equal(percent(undefined), '–')
  assert.equal(age(999), '999ms')
  assert.equal(age(4_200), '4.2s')
  assert.equal(age(3_600_000 * 3 + 60_000), '3h1m')
})

test('a bar and a sparkline have the width that was asked for', () => {
  for (const share of [0, 0.01, 0.33, 0.5, 0.999, 1, 7, -1]) assert.equal(width(bar(share, 10)), 10)
  assert.equal(bar(0.5, 4), '██··')
  assert.equal(sparkline([0, undefined, 1], 1), '▁ █')
})

test('a stale figure is marked also where there are no colours', () => {
  assert.equal(fresh('26%', true), '~26%')
  assert.equal(fresh('–', true), '–')
  const load = { ...(node({}).load as NonNullable<Node['load']>), stale: true, ageMs: 90_000 }
  const shown = nodeTable([node({ state: 'dead', load })], io)
  assert.match(shown, /~26%/)
  assert.match(shown, /~90s/)
})

test('the table of nodes is what it is', () => {
  const shown = nodeTable(
    [
      node({ self: true }),
      node({
        name: 'edge-2',
        state: 'suspect',
        labels: { zone: 'a' },
        ledger: { ageMs: 1, part: 'voter', term: 1, commit: 1, applied: 1, digest: 'a' },
      }),
    ],
    io,
  )
  assert.equal(
    shown,
    [
      'NAME    STATE    SINCE  CPU  MEMORY  DISK    AGE  HEARD  LEDGER  VERSION  LABELS  ID',
      'n1*     alive        –  26%     25%   60%  640ms      –  –       0.1.0    –       vBwiY6sL',
      'edge-2  suspect    65s  26%     25%   60%  640ms  320ms  ~voter  0.1.0    zone=a  vBwiY6sL',
    ].join('\n'),
  )
})

test('the status shows how far each host has applied the ledger, and to what state', () => {
  const ledger = {
    ageMs: 1,
    part: 'voter',
    term: 1,
    commit: 12,
    digest: 'c5655b5b4c20f423',
  } as const
  const shown = nodeTable(
    [
      node({ self: true, ledger: { ...ledger, applied: 12 } }),
      node({ name: 'n2', ledger: { ...ledger, applied: 9, digest: '' } }),
      node({ name: 'n3', state: 'dead', ledger: { ...ledger, part: 'leader', applied: 12 } }),
      node({ name: 'n4' }),
    ],
    io,
    true,
  ).split('\n')
  assert.match(shown[0] ?? '', /LEDGER +APPLIED +DIGEST/)
  assert.match(shown[1] ?? '', /voter +12 +c5655b5b/)
  assert.match(shown[2] ?? '', /voter +9 of 12 +–/)
  assert.match(shown[3] ?? '', /~leader +~12 +~c5655b5b/)
  assert.match(shown[4] ?? '', /– +– +–/)
})

test('hosts that warn of themselves have it in the table, and others a dash', () => {
  const load = node({}).load as NonNullable<Node['load']>
  const warned = { ...load, warnings: ['diskFull' as const, 'unusualCpu' as const] }
  const shown = nodeTable([node({ self: true }), node({ name: 'edge-2', load: warned })], io)
  assert.match(shown, /STATE {2}WARNS/)
  assert.match(shown, /n1\* +alive +–/)
  assert.match(shown, /edge-2 +alive +disk fills, unusual cpu/)
})

test('what a node warns of is told with how sure it is, and what it cannot judge with why', () => {
  const text = 'memory is full in 3h (2h to 5h, nine chances in ten)'
  const warnings = [{ kind: 'memoryFull' as const, sinceMs: 0, text }]
  assert.match(describe({ ...detail, warnings }, io, 60), /warns +memory is full in 3h/)
  const quiet = describe({ ...detail, warnings: [], unjudged: 'it is unknown' }, io, 60)
  assert.match(quiet, /warns +of nothing\n +it is unknown/)
})

const longName = 'a-host-with-a-very-long-name.in.some.data-centre.example'
const modules = [
  { name: 'telemetry', priority: 1, needs: [], state: 'degraded', stateAgeMs: 9, restarts: 2 },
] as const
const detail: NodeDetail = {
  schemaVersion: 1,
  node: node({ name: longName, labels: { zone: 'a', rack: 'b' } }),
  facts: {
    hostname: longName,
    platform: 'linux',
    kernel: '6.1.0',
    arch: 'x64',
    cpuModel: 'Some Vendor(R) With A Long Name(R) Processor @ 3.00GHz',
    cores: 64,
    coresUsable: 2,
    memoryBytes: 2 ** 34,
    memoryUsableBytes: 2 ** 33,
    kind: 'container',
  },
  sample: {
    takenAtMs: 0,
    memoryTotalBytes: 2 ** 33,
    memoryAvailableBytes: 2 ** 32,
    disks: [{ mount: '/', totalBytes: 2 ** 40, availableBytes: 2 ** 39 }],
    network: [{ interface: 'eth0', receivedBytesPerSecond: 1, sentBytesPerSecond: 2 }],
    temperatures: [],
    uptimeSeconds: 1,
    agent: { residentBytes: 2 ** 27, heapUsedBytes: 2 ** 24 },
  },
  sampleAgeMs: 12,
  history: [
    {
      atMs: 60_000,
      cpu: 0.5,
      memoryUsedBytes: 2 ** 32,
      diskAvailableBytes: 1,
      receivedBytesPerSecond: 1,
      sentBytesPerSecond: 1,
      agentResidentBytes: 1,
    },
  ],
  modules: modules.map((each) => ({
    ...each,
    needs: [],
    why: 'it needs a long explanation '.repeat(3),
  })),
  refusals: { undecodable: 3, tooManyHandshakes: 12, gossipForged: 7, wrongVersion: 1 },
}

test('no line is wider than the terminal, and it says who, what and how old at any width', () => {
  const nodes = [node({ name: longName, labels: { zone: 'a' } }), node({ name: 'n2' })]
  for (const columns of [40, 60, 80, 100, 200]) {
    const narrow = { ...io, columns: () => columns }
    const tables = [nodeTable(nodes, narrow), screen(nodes, {}, new Map(), narrow)]
    for (const shown of tables) {
      for (const line of shown.split('\n')) {
        assert.ok(width(line) <= columns, `${width(line)} > ${columns}: ${line}`)
      }
      assert.match(shown, /^NAME +STATE +.*CPU.*AGE/)
      assert.match(shown, /^a-host-with-a-v/m)
      assert.match(shown, /^n2 +alive +.*26%.*640ms/m)
    }
    // An id is to be copied, so it stays whole where a terminal is narrower than it.
    const lines = describe(detail, narrow, 60).split('\n')
    for (const line of lines.filter((each) => !/^id |host |cpu |a-host/.test(each))) {
      assert.ok(width(line) <= columns, `${width(line)} > ${columns}: ${line}`)
    }
  }
})

test('what is not for a terminal is whole', () => {
  const pipe = { ...io, columns: () => Number.POSITIVE_INFINITY }
  assert.match(nodeTable([node({ name: longName })], pipe), new RegExp(longName))
  const shown = describe(detail, pipe, 60)
  assert.match(
    shown,
    /^refused +undecodable 3, tooManyHandshakes 12, gossipForged 7, wrongVersion 1$/m,
  )
})

test('swap that a platform does not tell is a dash, and a host without says so', () => {
  const withSwap = (swap: object) =>
    describe({ ...detail, sample: { ...(detail.sample as Sample), ...swap } }, io, 60)
  assert.match(withSwap({}), /swap –,/)
  assert.match(withSwap({ swapTotalBytes: 0, swapUsedBytes: 0 }), /no swap,/)
  assert.match(
    withSwap({ swapTotalBytes: 2 ** 30, swapUsedBytes: 2 ** 29 }),
    /swap 512 MiB of 1.0 GiB,/,
  )
})

test('a live table never scrolls: what does not fit is counted', () => {
  const small = { ...io, rows: () => 6, columns: () => 20 }
  const drawn = framed(['title', '', ...'abcdef', 'x'.repeat(50)], small)
  const lines = stripVTControlCharacters(drawn).split('\n')
  assert.deepEqual(lines, ['title', '', 'a', 'b', '… and 5 more'])
  const few = framed(['title', 'y'.repeat(50)], small)
  assert.deepEqual(stripVTControlCharacters(few).split('\n'), ['title', `${'y'.repeat(19)}…`])
})

test('columns go in their order, and long texts are cut only after them', () => {
  const columns = [
    { title: 'NAME', cutTo: 4 },
    { title: 'B', leave: 2 },
    { title: 'C', leave: 1 },
  ]
  const rows = [['a-long-name', 'bbbb', 'cccc']]
  assert.equal(table(columns, rows, 80).split('\n')[1], 'a-long-name  bbbb  cccc')
  assert.equal(table(columns, rows, 20).split('\n')[1], 'a-long-…  bbbb  cccc')
  assert.equal(table(columns, rows, 15).split('\n')[1], 'a-long-n…  bbbb')
  assert.equal(table(columns, rows, 9).split('\n')[1], 'a-long-n…')
})

test('wide characters take two cells, and columns stay in line', () => {
  assert.equal(width('東京'), 4)
  assert.equal(width('e\u0301'), 1)
  const [, first, second] = table(
    [{ title: 'NAME' }, { title: 'X' }],
    [
      ['東京', 'a'],
      ['abcd', 'b'],
    ],
    80,
  ).split('\n')
  assert.equal(first, '東京  a')
  assert.equal(second, 'abcd  b')
})

test('a name cannot speak to the terminal', () => {
  const hostile = '\u001b[2Jn1\u0007\r\nroot#'
  assert.equal(plain(hostile), 'n1···root#')
  assert.ok(!nodeTable([node({ name: hostile })], io).includes('\u001b'))
})
