/**
 * The control API's socket under TLS 1.3. Which certificate it shows is asked at every connection,
 * so that one that was renewed is shown from then on, and nobody is cut off.
 */
import type { Server, ServerOptions } from 'node:http'
import { assert } from '../../protocol/assert.ts'

export interface TlsIdentity {
  /** PEM. */
  readonly key: string
  readonly certificate: string
  /** Whether it is made out to this name or address. */
  covers(host: string): boolean
}

export interface TlsSource {
  /** The same object while nothing has changed. Must not throw. */
  current(): TlsIdentity
}

export function tlsServer(
  options: ServerOptions & { handshakeMs: number },
  source: TlsSource,
): Server {
  // Not before it is needed: TLS takes its megabytes.
  const { createServer } = process.getBuiltinModule('node:https')
  const { handshakeMs, ...http } = options
  let shown = source.current()
  const server = createServer({ ...http, handshakeTimeout: handshakeMs, ...contextOf(shown) })
  // Before the listener that takes up the context.
  server.prependListener('connection', () => {
    const now = source.current()
    if (now === shown) return
    shown = now
    server.setSecureContext(contextOf(now))
  })
  return server
}

function contextOf({ key, certificate }: TlsIdentity) {
  assert(key !== '' && certificate !== '', 'whoever speaks TLS has a key and a certificate')
  return { key, cert: certificate, minVersion: 'TLSv1.3' as const }
}
