/** As much of an ssh-agent as a test needs, for hosts that have none: it holds one key, and signs. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Signer } from '../../protocol/identity/peer-id.ts'
import { sshKeyBlob, sshKeyType, sshString, sshStringAt } from '../../protocol/identity/ssh-key.ts'

const SIGN_REQUEST = 13
const SIGN_RESPONSE = 14
const FAILURE = Uint8Array.of(5)

export interface SmallAgent {
  path: string
  /** Signatures that were asked for. */
  asked: number
  close(): Promise<void>
}

/** `answers`: what it gives, in place of a signature. */
export async function smallSshAgent(
  path: string,
  holds: Signer,
  answers?: Uint8Array,
): Promise<SmallAgent> {
  const agent: SmallAgent = { path, asked: 0, close: async () => {} }
  const answerTo = (request: Uint8Array): Uint8Array => {
    if (request[0] !== SIGN_REQUEST) return FAILURE
    const key = sshStringAt(request, 1)
    const bytes = key && sshStringAt(request, 5 + key.length)
    if (key === undefined || bytes === undefined) return FAILURE
    if (Buffer.compare(key, sshKeyBlob(holds.id)) !== 0) return FAILURE
    agent.asked++
    if (answers !== undefined) return answers
    const pair = [sshString(Buffer.from(sshKeyType)), sshString(holds.sign(bytes))]
    return Buffer.concat([Buffer.of(SIGN_RESPONSE), sshString(Buffer.concat(pair))])
  }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let heard = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk])
      const request = sshStringAt(heard, 0)
      if (request !== undefined) socket.write(sshString(answerTo(request)))
    })
  })
  server.listen(path)
  await once(server, 'listening')
  agent.close = async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return agent
}
