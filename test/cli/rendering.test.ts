import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '../../coordinator/api/schemas.ts'
import { age, bar, bytes, fresh, percent, sparkline } from '../../coordinator/cli/figures.ts'
import type { Io } from '../../coordinator/cli/io.ts'
import { nodeTable } from '../../coordinator/cli/nodes.ts'
import { plain, table, width } from '../../coordinator/cli/table.ts'
import { screen } from '../../coordinator/cli/top.ts'

const io: Io = {
  out: () => {},
  err: () => {},
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
    [node({ self: true }), node({ name: 'edge-2', state: 'suspect', labels: { zone: 'a' } })],
    io,
  )
  assert.equal(
    shown,
    [
      'NAME    STATE    SINCE  CPU  MEMORY  DISK    AGE  HEARD  VERSION  LABELS  ID',
      'n1*     alive        –  26%     25%   60%  640ms      –  0.1.0    –       vBwiY6sL',
      'edge-2  suspect    65s  26%     25%   60%  640ms  320ms  0.1.0    zone=a  vBwiY6sL',
    ].join('\n'),
  )
})

test('no line is wider than the terminal, at 40, 80 and 200 columns', () => {
  for (const columns of [80, 200]) {
    const narrow = { ...io, columns: () => columns }
    const long = node({ name: 'a-host-with-a-very-long-name.in.some.data-centre.example' })
    for (const line of screen([long], {}, new Map(), narrow).split('\n')) {
      assert.ok(width(line) <= columns, `${width(line)} > ${columns}: ${line}`)
    }
  }
  const cut = table([{ title: 'A', flexible: true }, { title: 'B' }], [['x'.repeat(90), 'y']], 40)
  for (const line of cut.split('\n')) assert.ok(width(line) <= 40)
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
