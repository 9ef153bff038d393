/**
 * One of the processes that show what a synced quorum takes with nothing around it: whatever comes in
 * on its socket is written to its file, synced, and sent back.
 */
import { createServer } from 'node:net'
import { SyncedFile, type Syncing } from './synced-file.ts'

export interface QuorumTask {
  readonly directory: string
  readonly syncing: Syncing
}

/** The port that it listens on. */
export type QuorumNews = number

const { directory, syncing } = JSON.parse(process.argv[2]!) as QuorumTask
const file = new SyncedFile(directory, syncing)

const server = createServer({ noDelay: true }, (socket) => {
  // Whoever asks goes when it has heard enough, with answers still on their way.
  socket.on('error', () => process.exit())
  socket.on('data', (bytes) => file.append(bytes, () => socket.write(bytes)))
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number }
  process.send?.(port)
})
process.on('disconnect', () => process.exit())
