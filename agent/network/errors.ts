/**
 * What went wrong, in the words of our port. libp2p's errors say what happened in a layer; a
 * person wants to know whether the other host is down, full, not ours, or not who it should be.
 */

import { Unreachable, type UnreachableCode } from '../../protocol/ports/network.ts'
import { messageOf } from '../../protocol/thrown.ts'

/** A raw connection was made and then came to nothing before both sides knew each other. */
export class HandshakeFailed extends Error {
  /** Whether the other side said anything at all before it hung up. */
  readonly heard: boolean
  constructor(heard: boolean, cause: unknown) {
    super(messageOf(cause), { cause })
    this.name = 'HandshakeFailed'
    this.heard = heard
  }
}

export type ListenFailedCode = 'portTaken' | 'badAddress' | 'noPermission' | 'failed'

/** This host could not listen where it was told to. */
export class ListenFailed extends Error {
  readonly code: ListenFailedCode
  readonly address: string
  constructor(code: ListenFailedCode, address: string, detail: string) {
    super(`cannot listen on ${address}: ${detail}`)
    this.name = 'ListenFailed'
    this.code = code
    this.address = address
  }
}

export function listenFailed(address: string, error: unknown): ListenFailed {
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return new ListenFailed('portTaken', address, 'another program listens there')
    case 'EACCES':
    case 'EPERM':
      return new ListenFailed('noPermission', address, 'the system does not allow it')
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
    case 'ERR_SOCKET_BAD_PORT':
      return new ListenFailed('badAddress', address, 'this host has no such address')
    default:
      return new ListenFailed('failed', address, messageOf(error))
  }
}

/** `target` is the peer or address that was wanted, for the message. */
export function unreachable(error: unknown, target: string, signal: AbortSignal): Unreachable {
  if (error instanceof Unreachable) return error
  if (signal.aborted) {
    return named(signal.reason) === 'TimeoutError'
      ? new Unreachable('timedOut', `${target} did not answer in time`)
      : new Unreachable('aborted', `reaching ${target} was given up`)
  }
  // A peer has several addresses; the attempt that got furthest says most.
  const attempts = error instanceof AggregateError ? error.errors : [error]
  const verdicts = attempts.map((attempt) => verdict(attempt, target))
  verdicts.sort((a, b) => tellingOrder.indexOf(a.code) - tellingOrder.indexOf(b.code))
  return verdicts[0] ?? new Unreachable('unknownAddress', `no address of ${target} is usable`)
}

const tellingOrder: readonly UnreachableCode[] = [
  'banned',
  'limitReached',
  'purposeUnsupported',
  'handshakeFailed',
  'wrongPeer',
  'refused',
  'timedOut',
  'aborted',
  'unknownAddress',
]

function verdict(error: unknown, target: string): Unreachable {
  if (error instanceof HandshakeFailed) return handshakeVerdict(error, target)
  switch (systemCode(error)) {
    case 'ECONNREFUSED':
      return new Unreachable('refused', `${target} refuses connections: is its agent running?`)
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return new Unreachable('refused', `there is no route to ${target}: ${messageOf(error)}`)
    case 'ETIMEDOUT':
      return new Unreachable('timedOut', `${target} did not answer in time`)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Unreachable('unknownAddress', `the name of ${target} does not resolve`)
  }
  switch (named(error)) {
    case 'UnsupportedProtocolError':
      return new Unreachable('purposeUnsupported', `${target} does not offer this purpose`)
    case 'TooManyOutboundProtocolStreamsError':
      return new Unreachable('limitReached', `too many streams of this purpose to ${target}`)
    case 'TimeoutError':
    case 'AbortError':
      return new Unreachable('timedOut', `${target} did not answer in time`)
    case 'DialDeniedError':
      return new Unreachable('banned', `${target} is banned by this host`)
    case 'InvalidPeerIdError':
      return new Unreachable('wrongPeer', `${target} is this host itself`)
    case 'NoValidAddressesError':
    case 'InvalidMultiaddrError':
    case 'TransportUnavailableError':
      return new Unreachable('unknownAddress', `no address of ${target} is usable`)
    default:
      return new Unreachable('refused', `${target} hung up: ${messageOf(error)}`)
  }
}

function handshakeVerdict(error: HandshakeFailed, target: string): Unreachable {
  const cause = error.cause
  if (named(cause) === 'ConnectionInterceptedError') {
    return new Unreachable('banned', `${target} is banned by this host`)
  }
  if (named(cause) === 'InvalidPeerIdError') {
    return new Unreachable('wrongPeer', `${target} is this host itself`)
  }
  // The upgrader keeps only the message of what Noise found.
  if (/does not match expected remote identity key/.test(error.message)) {
    return new Unreachable('wrongPeer', `another host answers at the address of ${target}`)
  }
  if (!error.heard) {
    return new Unreachable(
      'refused',
      `${target} hung up without a word: it may be full, starting, or no agent of ours`,
    )
  }
  return new Unreachable(
    'handshakeFailed',
    `${target} answers, but not in words we understand. The likely cause is a different swarm ` +
      'key: it belongs to another mesh, or its swarm key file is not the one used here, because ' +
      'the key was rotated meanwhile: then skein agent join with a new token brings it to a host, ' +
      'and skein keys copy swarm to a person.',
  )
}

function named(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined
}

function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}
