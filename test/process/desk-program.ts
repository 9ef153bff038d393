/**
 * A desk on the real ports of this host, in a process that can be killed. Takes frames of a leader
 * as lines of JSON, and writes what the agent says the same way.
 */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { storeLimits } from '../../agent/artifacts/limits.ts'
import { ArtifactStore } from '../../agent/artifacts/store.ts'
import { FileBlobs } from '../../agent/ports/blobs/blobs.ts'
import { SystemCells } from '../../agent/ports/cells/cells.ts'
import { SystemClock } from '../../agent/ports/clock.ts'
import { LevelDisk } from '../../agent/ports/disk.ts'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { SystemFunctions } from '../../agent/ports/functions/functions.ts'
import { memoryPlaces, openSecretFiles } from '../../agent/ports/secret-files.ts'
import { SystemWeb } from '../../agent/ports/web.ts'
import { SystemWorkspace } from '../../agent/ports/workspace.ts'
import { equals } from '../../agent/trust/ranks.ts'
import { workDefaults } from '../../agent/work/limits.ts'
import type { SecretSource } from '../../agent/work/secrets/source.ts'
import { WorkWire } from '../../agent/work/wire.ts'
import { WorkDesk } from '../../agent/work/work-desk.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network } from '../../protocol/ports/network.ts'
import { helloOf } from '../../protocol/wire/versions.ts'
import type { AttemptId } from '../../protocol/work/fence.ts'
import type { WorkFrame } from '../../protocol/work/messages.ts'

const [directory = '', owner = '', settings = '{}'] = process.argv.slice(2)
const self = 'alone' as PeerId
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet }
// Nobody else is there: the wire takes what a host says to itself no further.
const network = { self, accept() {}, refuse() {} } as unknown as Network
const ports = {
  clock: new SystemClock(),
  entropy: new SystemEntropy(),
  disk: await LevelDisk.open(join(directory, 'db')),
  cells: new SystemCells(join(directory, 'cells'), owner),
  workspace: new SystemWorkspace(join(directory, 'work')),
  secretFiles: await openSecretFiles(owner, memoryPlaces(process.env)),
  functions: new SystemFunctions(),
  web: new SystemWeb(),
  network,
  log: quiet,
}
const wire = new WorkWire(ports, self, helloOf('test', 'alone'), equals)
const environment = { ...workDefaults.environment, PATH: process.env.PATH ?? '' }
const given = { ...workDefaults, environment, ...(JSON.parse(settings) as object) }
const artifacts = new ArtifactStore(
  { ...ports, blobs: new FileBlobs(join(directory, 'artifacts')) },
  { hello: helloOf('test', 'alone'), limits: storeLimits, onWarning() {}, onVerdict() {} },
)
await artifacts.start()
const { secretValues = {} } = given as { secretValues?: Record<string, string> }
const secrets: SecretSource = {
  open: (names) => {
    const values = new Map(
      names.map((name) => [name, Buffer.from(secretValues[name] ?? '', 'base64')]),
    )
    return Promise.resolve({ ok: true, values })
  },
}
const desk = new WorkDesk(
  { ...ports, artifacts },
  {
    ...given,
    secrets: () => secrets,
    leads: () => 'yes',
    host: () => ({ cpu: 64, memoryBytes: 2 ** 40 }),
  },
  wire,
)
wire.onAgent = (_, frame) => say(frame)
await desk.start()
wire.open()
say({ kind: 'ready' })

for await (const line of createInterface({ input: process.stdin })) {
  const { frame, log } = JSON.parse(line) as { frame?: WorkFrame; log?: AttemptId }
  if (frame) wire.send(self, frame)
  if (log) await tellLog(log)
}

async function tellLog(id: AttemptId): Promise<void> {
  const options = { from: 0, follow: false, signal: new AbortController().signal }
  const pieces: { at: number; length: number; text: string }[] = []
  for await (const { at, bytes } of desk.readLog(id, options) ?? []) {
    pieces.push({
      at,
      length: bytes.length,
      text: Buffer.from(bytes.subarray(0, 2_000)).toString(),
    })
  }
  say({ kind: 'log', pieces })
}

function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}
