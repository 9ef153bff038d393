/**
 * What the control API shows under TLS: the certificate that the operator gives in files, read again
 * when they change, or else one that the agent makes for itself out of its key and its credential.
 */

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { isLoopback } from '../../agent/http/admission.ts'
import { hostCertificate } from '../../agent/http/host-certificate.ts'
import type { TlsIdentity, TlsSource } from '../../agent/http/tls.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { privateKeyPem, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { Problem } from '../../protocol/problem.ts'
import { messageOf } from '../../protocol/thrown.ts'

export interface ApiTlsSettings {
  listen: { host: string }
  tlsCertificateFile: string
  tlsKeyFile: string
}

/** How often it is looked whether the operator's files have changed. */
const LOOK_MS = 60_000

/** Undefined where the API is served without TLS: on loopback, unless files are given. */
export function apiTls(
  { listen, tlsCertificateFile, tlsKeyFile }: ApiTlsSettings,
  ports: { clock: Clock; log: Log },
  own: { seed: Uint8Array; credential(): Credential },
): TlsSource | undefined {
  if (tlsCertificateFile !== '' || tlsKeyFile !== '') {
    return new GivenTls({ certificate: tlsCertificateFile, key: tlsKeyFile }, ports)
  }
  const { host } = listen
  return host === 'localhost' || isLoopback(host) ? undefined : new OwnTls(own)
}

class OwnTls implements TlsSource {
  readonly #own: { seed: Uint8Array; credential(): Credential }
  #made: { of: Credential; identity: TlsIdentity } | undefined

  constructor(own: { seed: Uint8Array; credential(): Credential }) {
    this.#own = own
  }

  current(): TlsIdentity {
    const { seed, credential } = this.#own
    const of = credential()
    if (this.#made?.of !== of) {
      const bytes = hostCertificate(signerFromSeed(seed), of)
      const certificate = new X509Certificate(bytes).toString()
      const identity = { key: privateKeyPem(seed), certificate, covers: () => false }
      this.#made = { of, identity }
    }
    return this.#made.identity
  }
}

interface Files {
  certificate: string
  key: string
}

class GivenTls implements TlsSource {
  readonly #files: Files
  readonly #ports: { clock: Clock; log: Log }
  #identity: TlsIdentity
  #changedMs: number
  #lookedMs: number

  /** Throws a `Problem` where they cannot be used at the start; later they are told of in the log. */
  constructor(files: Files, ports: { clock: Clock; log: Log }) {
    if (files.key === '') throw unusable(files.certificate, 'api.tlsKeyFile is not set')
    if (files.certificate === '') throw unusable(files.key, 'api.tlsCertificateFile is not set')
    this.#files = files
    this.#ports = ports
    this.#changedMs = changedMs(files)
    this.#identity = identityIn(files)
    this.#lookedMs = ports.clock.now()
  }

  current(): TlsIdentity {
    const { clock, log } = this.#ports
    if (clock.now() - this.#lookedMs < LOOK_MS) return this.#identity
    this.#lookedMs = clock.now()
    try {
      const changed = changedMs(this.#files)
      if (changed !== this.#changedMs) this.#identity = identityIn(this.#files)
      this.#changedMs = changed
    } catch (error) {
      const why = messageOf(error)
      log.warn('the certificate of before is shown on', { why })
    }
    return this.#identity
  }
}

function changedMs({ certificate, key }: Files): number {
  return Math.max(...[certificate, key].map((file) => said(file, () => statSync(file).mtimeMs)))
}

function identityIn(files: Files): TlsIdentity {
  const [certificate, key] = [files.certificate, files.key].map((file) =>
    said(file, () => readFileSync(file, 'utf8')),
  ) as [string, string]
  const x509 = said(files.certificate, () => new X509Certificate(certificate))
  const secret = said(files.key, () => createPrivateKey(key))
  if (!x509.checkPrivateKey(secret))
    throw unusable(files.key, 'it is not the key of the certificate')
  const covers = (host: string) => {
    if (isIP(host) !== 0) return x509.checkIP(host) !== undefined
    return host !== '' && x509.checkHost(host) !== undefined
  }
  return { key, certificate, covers }
}

function said<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw unusable(file, code === 'ENOENT' ? 'there is no such file' : message)
  }
}

function unusable(file: string, why: string): Problem {
  return new Problem({
    code: 'tlsUnusable',
    why: `cannot serve the control API with ${file}: ${why}`,
    fix: 'set api.tlsCertificateFile and api.tlsKeyFile to PEM files that belong together, or leave both out',
    exitCode: exitCodes.usage,
  })
}
