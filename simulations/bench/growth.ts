/**
 * `skein bench growth`: what a ledger costs that has seen a great many entries. Three agents take
 * them all; memory and disk are read on the way, and then a follower is killed and timed until it
 * holds everything again.
 */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type LocalNode, meshAddressOf } from '../mesh/layout.ts'
import { LedgerClient } from './ledger-client.ts'
import { leaderOf, statusesOf } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { type Figure, report } from './report.ts'
import { residentBytesOf } from './resident.ts'

export interface GrowthOptions {
  entries: string
  keys: string
  json: boolean
}

const VOTERS = 3
const CALLERS = 1_000
const ENTRY_BYTES = 256
const TIMEOUT_MS = 60_000
/** For a quarter of all entries. */
const FILL_DEADLINE_MS = 600_000
const LEADER_REST_MS = 100
const READINGS = 4
const START_GOAL_MS = 2_000
/** From the second reading to the last, a flat line may tremble by so much. */
const FLAT_SHARE = 1.5
const START_DEADLINE_MS = 60_000
const LOOK_AGAIN_MS = 10

interface Reading {
  entries: number
  residentMiB: number
  diskMiB: number
}

export async function benchGrowth(options: GrowthOptions): Promise<number> {
  const mesh = await Mesh.start(VOTERS, { restartPauseMs: 0 })
  try {
    await leaderOf(mesh, VOTERS)
    const client = await LedgerClient.connect(mesh.nodes.map(meshAddressOf), mesh.swarmKeyFile)
    const readings: Reading[] = []
    try {
      const all = Number(options.entries)
      for (let part = 1; part <= READINGS; part++) {
        await fill(mesh, client, (all * (part - 1)) / READINGS, (all * part) / READINGS, options)
        readings.push(readingOf(mesh.nodes, (all * part) / READINGS))
      }
    } finally {
      await client.stop()
    }
    const leader = await leaderOf(mesh, VOTERS)
    const follower = mesh.nodes.find(({ name }) => name !== leader.name) as LocalNode
    const startMs = await startTime(mesh, follower)
    return report(
      `growth, ${options.entries} entries of ${ENTRY_BYTES} bytes on ${options.keys} keys, ${VOTERS} voters`,
      figuresOf(readings, startMs),
      options.json,
    )
  } finally {
    await mesh.stop()
  }
}

/** Whoever leads may hand over meanwhile: what has found no leader, or no answer, is put again. */
async function fill(
  mesh: Mesh,
  client: LedgerClient,
  from: number,
  to: number,
  { keys }: GrowthOptions,
): Promise<void> {
  const deadlineMs = performance.now() + FILL_DEADLINE_MS
  let leader = leaderOf(mesh, VOTERS)
  let next = from
  const caller = async () => {
    const value = new Uint8Array(ENTRY_BYTES)
    while (next < to) {
      const key = `key-${next++ % Number(keys)}`
      for (;;) {
        const asked = leader
        const put = await client.put((await asked).id, key, value, TIMEOUT_MS)
        if (put.kind === 'applied') break
        if (performance.now() > deadlineMs)
          throw new Error(`an append failed: ${JSON.stringify(put)}`)
        await mesh.rest(LEADER_REST_MS)
        // Of all who were refused, the first one looks.
        if (asked === leader) leader = leaderOf(mesh, VOTERS)
      }
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
}

/** The most that any of them has. */
function readingOf(nodes: readonly LocalNode[], entries: number): Reading {
  const most = (of: (node: LocalNode) => number) => Math.max(...nodes.map(of)) / 2 ** 20
  return {
    entries,
    residentMiB: most(({ pid }) => residentBytesOf(pid)),
    diskMiB: most(({ dataDirectory }) => bytesUnder(dataDirectory)),
  }
}

function bytesUnder(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    // What was deleted since it was listed takes no room.
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found?.isDirectory()) bytes += bytesUnder(path)
    else bytes += found?.size ?? 0
  }
  return bytes
}

/** From SIGKILL, with a new process started at once, until it says that it holds what it held. */
async function startTime(mesh: Mesh, node: LocalNode): Promise<number> {
  const at = mesh.nodes.indexOf(node)
  const held = (await statusesOf(mesh))[at]?.ledger?.applied ?? 0
  const { pid } = node
  process.kill(pid, 'SIGKILL')
  const startedMs = performance.now()
  while (performance.now() - startedMs < START_DEADLINE_MS) {
    const [status] = node.pid === pid ? [] : await statusesOf(mesh, [node])
    if ((status?.ledger?.applied ?? 0) >= held) return performance.now() - startedMs
    await mesh.rest(LOOK_AGAIN_MS)
  }
  throw new Error(`${node.name} did not come back`)
}

function figuresOf(readings: readonly Reading[], startMs: number): Figure[] {
  const flat = (of: (reading: Reading) => number) => {
    const [, second, ...later] = readings.map(of)
    return Math.max(...later) <= (second as number) * FLAT_SHARE
  }
  const last = readings.at(-1)
  return [
    ...readings.flatMap((reading): Figure[] => {
      const judged = reading === last
      const at = `after ${reading.entries} entries`
      return [
        {
          metric: `${at}, memory of the largest agent`,
          unit: 'MiB',
          value: reading.residentMiB,
          ...(judged ? { goal: 'flat', holds: flat((one) => one.residentMiB) } : {}),
        },
        {
          metric: `${at}, disk`,
          unit: 'MiB',
          value: reading.diskMiB,
          ...(judged ? { goal: 'flat', holds: flat((one) => one.diskMiB) } : {}),
        },
      ]
    }),
    {
      metric: 'killed follower to all of it held again, with the start of its process',
      unit: 'ms',
      value: startMs,
      goal: `< ${START_GOAL_MS}`,
      holds: startMs < START_GOAL_MS,
    },
  ]
}
