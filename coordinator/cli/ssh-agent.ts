/**
 * Signs with a key that an ssh-agent holds ($SSH_AUTH_SOCK): the key is asked for by its public half,
 * and never seen here. The agent may ask its owner first, so it is waited for.
 */
import { connect } from 'node:net'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type PeerId, verify } from '../../protocol/identity/peer-id.ts'
import {
  signatureInSsh,
  sshKeyBlob,
  sshString,
  sshStringAt,
} from '../../protocol/identity/ssh-key.ts'
import type { SlowSigner } from '../../protocol/identity/token.ts'
import { Problem } from '../../protocol/problem.ts'

/** Numbers of the protocol (draft-ietf-sshm-ssh-agent). */
const SIGN_REQUEST = 13
const SIGN_RESPONSE = 14

const ANSWER_BYTES_MAX = 4 * 1024
/** Somebody may have to be found who confirms it. */
const ANSWER_MS_MAX = 60_000

export class SshAgentSigner implements SlowSigner {
  readonly id: PeerId
  readonly #socket: string
  readonly #name: string

  /** `name`: whose key it is, for people. */
  constructor(socket: string | undefined, id: PeerId, name: string) {
    if (socket === undefined || socket === '') {
      const why = `the key of ${name} is in an ssh-agent, and $SSH_AUTH_SOCK names none`
      throw refused('noSshAgent', why, 'start one with eval $(ssh-agent), and ssh-add the key')
    }
    this.id = id
    this.#socket = socket
    this.#name = name
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    const flags = Buffer.alloc(4)
    const request = [
      Buffer.of(SIGN_REQUEST),
      sshString(sshKeyBlob(this.id)),
      sshString(bytes),
      flags,
    ]
    const answer = await this.#asked(Buffer.concat(request))
    const blob = answer[0] === SIGN_RESPONSE ? sshStringAt(answer, 1) : undefined
    if (blob === undefined) {
      const why = `the ssh-agent does not sign for ${this.#name}`
      const fix = 'add the key with ssh-add, and confirm where it asks'
      throw refused('sshAgentRefused', why, fix)
    }
    const signature = signatureInSsh(blob)
    if (signature !== undefined && verify(this.id, bytes, signature)) return signature
    throw this.#broken('what it gives is no signature by that key')
  }

  #asked(request: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path: this.#socket })
      const fail = (why: string) => {
        socket.destroy()
        reject(this.#broken(why))
      }
      let heard = Buffer.alloc(0)
      socket.setTimeout(ANSWER_MS_MAX, () => fail(`no answer within ${ANSWER_MS_MAX / 1_000} s`))
      socket.once('error', (error) => fail(error.message))
      socket.once('close', () => fail('it hung up'))
      socket.on('data', (chunk: Buffer) => {
        heard = Buffer.concat([heard, chunk])
        if (heard.length > ANSWER_BYTES_MAX) return fail('its answer is too long')
        const answer = sshStringAt(heard, 0)
        if (answer === undefined) return
        resolve(answer)
        socket.destroy()
      })
      socket.write(sshString(request))
    })
  }

  #broken(why: string): Problem {
    return refused(
      'sshAgentBroken',
      `cannot sign with the ssh-agent at ${this.#socket}: ${why}`,
      'see that $SSH_AUTH_SOCK is right and ssh-add -l answers',
    )
  }
}

function refused(code: string, why: string, fix: string): Problem {
  return new Problem({ code, why, fix, exitCode: exitCodes.refused })
}
