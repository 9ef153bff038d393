/** What runs in the blob thread: takes requests, and answers each. Everything it does is `BlobShelf`. */
import { parentPort, type Transferable, workerData } from 'node:worker_threads'
import { BlobError } from '../../../protocol/ports/blobs.ts'
import { blobErrorOf } from './errors.ts'
import type { BlobRequest, BlobResponse, BlobThreadData } from './requests.ts'
import { BlobShelf } from './shelf.ts'

const port = parentPort
if (port === null) throw new Error('this program runs in a thread of an agent only')
const { root, freeBytesMin, stagesAs } = workerData as BlobThreadData
const shelf = new BlobShelf(root, freeBytesMin, stagesAs)

port.on('message', (request: BlobRequest) => {
  void answer(request).then((response) => port.postMessage(response, buffersOf(response)))
})

async function answer({ id, call, args }: BlobRequest): Promise<BlobResponse> {
  try {
    const work = shelf[call] as (...args: unknown[]) => Promise<unknown>
    return { id, ok: true, value: await work.apply(shelf, args) }
  } catch (error) {
    const { code, message } = error instanceof BlobError ? error : blobErrorOf(error)
    return { id, ok: false, code, message }
  }
}

/** A chunk changes hands instead of being copied. */
function buffersOf(response: BlobResponse): Transferable[] {
  if (!response.ok || typeof response.value !== 'object' || response.value === null) return []
  const { bytes } = response.value as { bytes?: unknown }
  return bytes instanceof Uint8Array ? [bytes.buffer as ArrayBuffer] : []
}
