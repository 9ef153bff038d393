/** The listener under TLS and the command line's connection to it, through real sockets. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { connect } from 'node:tls'
import type { HttpRequest } from '../../agent/http/exchange.ts'
import { type HttpListener, startHttp } from '../../agent/http/listener.ts'
import { SystemClock } from '../../agent/ports/clock.ts'
import { Client } from '../../coordinator/cli/client.ts'
import { clientLimits } from '../../coordinator/cli/limits.ts'
import { apiTls } from '../../coordinator/host/api-tls.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type Grant, issueCertificate } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { Problem } from '../../protocol/problem.ts'
import { grantOf, keyNumber, root } from '../identity/parties.ts'
import { openGuard, signedInAsAda } from './doors.ts'
import { plainCertificate } from './plain-certificate.ts'
import { sampleStatus, silent } from './stage.ts'
import { encoder } from './wire.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-tls-'))
const clock = new SystemClock()
after(() => {
  clock.close()
  rmSync(home, { recursive: true, force: true })
})

const seed = new Uint8Array(32).fill(40)
const host = keyNumber(40)
const always = { notBeforeMs: 0, notAfterMs: 9e12 }
const hosts = { kind: 'peer', name: 'n1', roles: ['agent'], ...always } as const
const shownBy = (change: Partial<Grant>): Credential => ({
  leaf: issueCertificate(grantOf(host, change), root),
})
const files = { tlsCertificateFile: '', tlsKeyFile: '' }
const never = new AbortController().signal

const opened = new Set<HttpListener>()
afterEach(async () => {
  await Promise.all(Array.from(opened, (listener) => listener.close()))
  opened.clear()
})

async function served(credential: () => Credential, changes: Partial<typeof files> = {}) {
  const heard: HttpRequest[] = []
  const own = { seed, credential }
  const settings = { listen: { host: '0.0.0.0' }, ...files, ...changes }
  const tls = apiTls(settings, { clock, log: silent }, own)
  assert.ok(tls)
  const listener = await startHttp(
    { host: '0.0.0.0', port: 0, log: silent, guard: openGuard, tls },
    (request) => {
      heard.push(request)
      const body = encoder.encode(JSON.stringify(sampleStatus(3)))
      return Promise.resolve({ status: 200, headers: { 'content-type': 'application/json' }, body })
    },
  )
  opened.add(listener)
  return { listener, heard, port: listener.address.port }
}

async function problemOf(asked: Promise<unknown>): Promise<Problem> {
  const [outcome] = await Promise.allSettled([asked])
  assert.ok(outcome?.status === 'rejected' && outcome.reason instanceof Problem, String(outcome))
  return outcome.reason
}

const asked = (address: string, isGuess = false) =>
  new Client(address, signedInAsAda(), never, clientLimits, isGuess).call('status')

test('a host of the mesh is believed and asked, by whatever address it is reached', async () => {
  const own = shownBy(hosts)
  const { listener, heard, port } = await served(() => own)
  assert.deepEqual(await asked(`https://127.0.0.1:${port}`), sampleStatus(3))
  assert.deepEqual(await asked(`https://localhost:${port}`), sampleStatus(3))
  assert.equal(heard.length, 2)
  assert.equal(heard[0]?.from, '127.0.0.1')
  await listener.close()
})

test('where nobody says how it is spoken to, TLS is found out', async () => {
  const own = shownBy(hosts)
  const { listener, port } = await served(() => own)
  assert.deepEqual(await asked(`http://127.0.0.1:${port}`, true), sampleStatus(3))
  const said = await problemOf(asked(`http://127.0.0.1:${port}`))
  assert.equal(said.exitCode, exitCodes.noAnswer, 'who says http gets no TLS')
  assert.equal(listener.stats().refused.noTls, 2)
  await listener.close()
})

test('a host of another mesh, a false one and a person’s key are sent nothing', async () => {
  const wrong: [Partial<Grant>, RegExp][] = [
    [{ ...hosts, mesh: 'cd'.repeat(32) as never }, /it is of another mesh/],
    [{ ...hosts, notAfterMs: 1_000 }, /its credential has expired/],
    [{ ...always }, /somebody who is no host/],
  ]
  for (const [change, why] of wrong) {
    const own = shownBy(change)
    const { listener, heard, port } = await served(() => own)
    const refused = await problemOf(asked(`https://127.0.0.1:${port}`))
    assert.deepEqual([refused.code, refused.exitCode], ['foreignHost', exitCodes.refused])
    assert.match(refused.why, why)
    assert.equal(heard.length, 0)
    assert.equal(listener.stats().connections, 0, 'the connection was given up')
    await listener.close()
  }
})

test('a certificate that is renewed is shown from the next connection on', async () => {
  let own = shownBy(hosts)
  const { listener, port } = await served(() => own)
  const shown = async () => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    assert.equal(socket.getProtocol(), 'TLSv1.3')
    const serial = socket.getPeerX509Certificate()?.serialNumber
    socket.destroy()
    return serial
  }
  const before = await shown()
  assert.equal(await shown(), before)
  own = shownBy(hosts)
  assert.notEqual(await shown(), before)
  await listener.close()
})

test('nothing below TLS 1.3 is spoken', async () => {
  const own = shownBy(hosts)
  const { listener, port } = await served(() => own)
  const socket = connect({
    port,
    host: '127.0.0.1',
    maxVersion: 'TLSv1.2',
    rejectUnauthorized: false,
  })
  const [error] = await once(socket, 'error')
  assert.match(String((error as NodeJS.ErrnoException).code), /PROTOCOL_VERSION/)
  await listener.close()
})

test('who does not begin with a handshake holds no close up', async () => {
  const own = shownBy(hosts)
  const tls = apiTls(
    { listen: { host: '::' }, ...files },
    { clock, log: silent },
    { seed, credential: () => own },
  )
  assert.ok(tls)
  const listener = await startHttp(
    {
      host: '127.0.0.1',
      port: 0,
      log: silent,
      guard: openGuard,
      tls,
      limits: { closeTimeoutMs: 50 },
    },
    () => Promise.reject(new Error('never asked')),
  )
  const silentOne = connectPlain(listener.address.port, '127.0.0.1')
  await once(silentOne, 'connect')
  const closed = once(silentOne, 'close')
  silentOne.on('error', () => {})
  await listener.close()
  await closed
})

test('an operator’s certificate is believed by its authority, and is read again when it changes', async () => {
  const names = { dns: 'localhost', ip4: '127.0.0.1' }
  const given = plainCertificate(new Uint8Array(32).fill(50), names)
  const tlsCertificateFile = join(home, 'cert.pem')
  const tlsKeyFile = join(home, 'key.pem')
  writeFileSync(tlsCertificateFile, given.certificate)
  writeFileSync(tlsKeyFile, given.key)
  const own = shownBy(hosts)
  const { listener, heard, port } = await served(() => own, { tlsCertificateFile, tlsKeyFile })
  const refused = await problemOf(asked(`https://127.0.0.1:${port}`))
  assert.equal(refused.code, 'foreignHost')
  assert.match(refused.fix, /NODE_EXTRA_CA_CERTS/)
  assert.equal(heard.length, 0)
  await listener.close()
  const times = { ms: 0 }
  const still = { now: () => times.ms } as SystemClock
  const settings = { listen: { host: '127.0.0.1' }, tlsCertificateFile, tlsKeyFile }
  const source = apiTls(settings, { clock: still, log: silent }, { seed, credential: () => own })
  assert.ok(source)
  const first = source.current()
  assert.ok(first.covers('localhost') && first.covers('127.0.0.1'))
  for (const other of ['example.com', '10.0.0.1', '::1', '', '%00', 'a b']) {
    assert.equal(first.covers(other), false, other)
  }
  const next = plainCertificate(new Uint8Array(32).fill(51), names)
  writeFileSync(tlsCertificateFile, next.certificate)
  utimesSync(tlsCertificateFile, 5e9, 5e9)
  times.ms += 61_000
  assert.equal(source.current(), first, 'half of a pair is not shown')
  writeFileSync(tlsKeyFile, next.key)
  times.ms += 61_000
  const now = source.current()
  assert.equal(new X509Certificate(now.certificate).publicKey.asymmetricKeyType, 'ed25519')
  assert.notEqual(now.certificate, first.certificate)
})

test('files that cannot be used are named at the start, with what to do', () => {
  const own = shownBy(hosts)
  const start = (changes: Partial<typeof files>) => () =>
    apiTls(
      { listen: { host: '127.0.0.1' }, ...files, ...changes },
      { clock, log: silent },
      {
        seed,
        credential: () => own,
      },
    )
  assert.equal(start({})(), undefined, 'loopback needs none')
  const pem = plainCertificate(new Uint8Array(32).fill(52), { dns: 'a', ip4: '1.2.3.4' })
  const certificate = join(home, 'a.pem')
  const other = join(home, 'other.key')
  writeFileSync(certificate, pem.certificate)
  writeFileSync(other, plainCertificate(seed, { dns: 'a', ip4: '1.2.3.4' }).key)
  const code = 'tlsUnusable'
  const exitCode = exitCodes.usage
  const none = { tlsCertificateFile: '/none', tlsKeyFile: '/none' }
  assert.throws(start(none), { code, exitCode, why: /\/none: there is no such file/ })
  assert.throws(start({ tlsCertificateFile: certificate }), { code, why: /tlsKeyFile is not set/ })
  const unlike = { tlsCertificateFile: certificate, tlsKeyFile: other }
  assert.throws(start(unlike), { code, why: /not the key of the certificate/ })
  const swapped = { tlsCertificateFile: other, tlsKeyFile: certificate }
  assert.throws(start(swapped), { code, exitCode })
})

test('from afar an agent is no localhost, and a token for another host is of no use', async () => {
  const { refuseStranger } = await import('../../agent/http/admission.ts')
  const entrance = { secure: true, at: '10.0.0.5', isOurs: (name: string) => name === 'n1.example' }
  const code = (named: string, at = entrance.at) =>
    refuseStranger('GET', { host: named }, { ...entrance, at })?.code
  assert.equal(code('10.0.0.5:4131'), undefined)
  assert.equal(code('n1.example'), undefined)
  assert.equal(code('localhost:4131'), 'wrongHost')
  assert.equal(code('127.0.0.1'), 'wrongHost')
  assert.equal(code('10.0.0.6:4131'), 'wrongHost')
  assert.equal(code('localhost:4131', '127.0.0.1'), undefined)
  const page = { host: '10.0.0.5', origin: 'https://10.0.0.5' }
  assert.equal(refuseStranger('POST', page, entrance), undefined)
  const foreign = { host: '10.0.0.5', origin: 'http://10.0.0.5' }
  assert.equal(refuseStranger('POST', foreign, entrance)?.code, 'foreignOrigin')
})

test('what speaks no TLS is told as that', async (t) => {
  const plain = await startHttp({ host: '127.0.0.1', port: 0, log: silent, guard: openGuard }, () =>
    Promise.reject(new Error('never asked')),
  )
  t.after(() => plain.close())
  const told = await problemOf(asked(`https://127.0.0.1:${plain.address.port}`))
  assert.equal(told.exitCode, exitCodes.noAnswer)
  assert.match(told.why, /TLS 1\.3|broke off/)
})
