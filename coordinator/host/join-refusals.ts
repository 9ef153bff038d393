/** Why a host did not join: what is wrong, and what to do next. */
import type { Joined } from '../../agent/joining/asking.ts'
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import { shortMeshId } from '../../protocol/identity/mesh-id.ts'
import type { JoinToken } from '../../protocol/joining/token.ts'
import { Problem } from '../../protocol/problem.ts'

function problem(code: string, why: string, fix: string, exitCode: ExitCode): Problem {
  return new Problem({ code, why, fix, exitCode })
}

export function otherConfig(file: string): Problem {
  const fix = 'write another with --config, or move this one away'
  const why = `${file} exists, and is not of the mesh in the token`
  return problem('alreadyThere', why, fix, exitCodes.conflict)
}

export function otherDirectory(file: string, directory: string): Problem {
  const why = `${file} exists, and keeps its data in ${directory}`
  const fix = 'leave out --data-directory, or write another configuration with --config'
  return problem('alreadyThere', why, fix, exitCodes.conflict)
}

export function otherName(file: string, name: string): Problem {
  const why = `${file} exists, and calls this host ${name}`
  const fix = 'leave out --name, or change node.name there'
  return problem('alreadyThere', why, fix, exitCodes.conflict)
}

export function otherData(directory: string): Problem {
  const why = `${directory} is the data directory of an agent of another mesh`
  const fix = 'name another with --data-directory, or move this one away'
  return problem('alreadyThere', why, fix, exitCodes.conflict)
}

export function badName(name: string, why: string, fix: string): Problem {
  return problem(
    'badName',
    `${JSON.stringify(name)} ${why}`,
    `${fix}, with --name`,
    exitCodes.usage,
  )
}

export function expired({ expiresMs }: JoinToken): Problem {
  const why = `the token was good until ${new Date(expiresMs).toISOString()}`
  const fix = 'make another with skein token create, and see that the clock of this host is right'
  return problem('tokenExpired', why, fix, exitCodes.refused)
}

export function nobodyAnswers(tried: readonly { address: string; why: string }[]): Problem {
  const [first] = tried
  const others = tried.length > 1 ? ` (and ${tried.length - 1} more)` : ''
  const because = first === undefined ? 'it names none' : `${first.address}: ${first.why}${others}`
  const why = `no agent of the token’s mesh can be reached: ${because}`
  const fix =
    'see that this host reaches one of them (firewall, network), or make a token with skein token create now'
  return problem('noAnswer', why, fix, exitCodes.noAnswer)
}

export function interrupted(): Problem {
  const fix = 'run it again: the token lets the same host in again without another use'
  return problem('interrupted', 'interrupted by Ctrl-C', fix, exitCodes.interrupted)
}

export function notLetIn(
  said: Exclude<Joined, { kind: 'joined' | 'same' }>,
  { mesh }: JoinToken,
): Problem {
  switch (said.kind) {
    case 'unreachable':
      return nobodyAnswers(said.tried)
    case 'foreign': {
      const why = `what answers at ${said.address} is not of mesh ${shortMeshId(mesh)}: its certificate ${said.why}`
      const fix =
        'make a new token on the mesh to join, and see that the clock of this host is right'
      return problem('otherMesh', why, fix, exitCodes.refused)
    }
    case 'refused':
      return said.why === 'refused' ? refused() : notNow()
  }
}

/** The mesh does not say which; its audit log does. */
function refused(): Problem {
  const why = 'the mesh lets nobody in by this token: it is unknown, used up, expired or revoked'
  const fix = 'make another with skein token create; skein audit ls on the mesh says what was wrong'
  return problem('tokenRefused', why, fix, exitCodes.refused)
}

function notNow(): Problem {
  const why =
    'the mesh cannot let anybody in now: it has no leader, no issuing key, or too much to do'
  const fix = 'run it again in a moment; skein health on the mesh says what is missing'
  return problem('notNow', why, fix, exitCodes.noAnswer)
}
