import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SystemWeb } from '../../agent/ports/web.ts'
import { realPassage } from './passage.ts'
import { answers, webContract } from './web.ts'

webContract('the web', async () => {
  const server = await listening(async (request, response) => {
    const answer = answers[request.url ?? '']
    if (answer) response.writeHead(answer.status, answer.headers).end(answer.body)
    else response.end(`${request.method} ${request.headers['x-mine']} ${await text(request)}`)
  })
  const silent = await listening(() => {})
  const gone = await listening(() => {})
  const nobodysOrigin = originOf(gone)
  await closed(gone)
  return {
    ...realPassage,
    web: new SystemWeb(),
    origin: originOf(server),
    silentOrigin: originOf(silent),
    nobodysOrigin,
    close: async () => {
      await closed(server)
      await closed(silent)
    },
  }
})

async function listening(answer: RequestListener): Promise<Server> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function closed(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
