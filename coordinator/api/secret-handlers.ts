/** What each route of secrets does. A value goes from the request to the leader, and nowhere else. */
import type { Agent } from '../../agent/agent.ts'
import { withoutLineEnd } from '../../agent/work/secrets/values.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { freshState } from '../runs/fresh.ts'
import type { SecretKeeper } from '../secrets/keeper.ts'
import { secretLimits } from '../secrets/limits.ts'
import { NAMESPACE, SecretRow, VALUE_PREFIX } from '../secrets/wire.ts'
import { appended } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type SecretRoute = 'secrets' | 'setSecret' | 'removeSecret'

const done = { schemaVersion: SCHEMA_VERSION, done: true } as const

export function secretHandlers(agent: Agent, keeper: SecretKeeper): Pick<Handlers, SecretRoute> {
  return {
    secrets: async ({ signal }) => {
      await freshState(agent, signal)
      return { schemaVersion: SCHEMA_VERSION, secrets: keeper.list() }
    },
    setSecret: (request) => set(agent, keeper, request),
    removeSecret: async ({ parameters, signal, trail }) => {
      const value = { namespace: NAMESPACE, key: VALUE_PREFIX + parameters.secret }
      const { code } = await appended(agent, { kind: 'kvDelete', value }, signal, trail)
      if (code === 'ok') return done
      throw new ApiRefusal(
        'notFound',
        `there is no secret ${parameters.secret}`,
        'skein secret ls shows them',
      )
    },
  }
}

async function set(
  agent: Agent,
  keeper: SecretKeeper,
  { parameters, body, caller, signal, trail }: Request<'setSecret'>,
): Promise<typeof done> {
  const { secret: name } = parameters
  const value = Buffer.from(body.value, 'base64')
  const why = unfit(value)
  if (why !== undefined) throw new ApiRefusal('badRequest', why, 'choose another value')
  await freshState(agent, signal)
  const known = keeper.list()
  if (known.length >= secretLimits.secretsMax && !known.some((each) => each.name === name)) {
    const full = `there are ${known.length} secrets, and no room for more`
    throw new ApiRefusal('overloaded', full, 'remove one with skein secret rm')
  }
  const sealed = await keeper.sealed(name, value)
  if (sealed === undefined) {
    const lost = 'no coordinator that has the key of secrets answers'
    throw new ApiRefusal('unreachable', lost, 'skein health says who is missing')
  }
  const row = encode(SecretRow, { sealed, by: caller.name, atMs: agent.ports.clock.wall() })
  const put = { namespace: NAMESPACE, key: VALUE_PREFIX + name, value: row }
  await appended(agent, { kind: 'kvPut', value: put }, signal, trail)
  return done
}

function unfit(value: Buffer): string | undefined {
  const { valueBytesMin, valueBytesMax } = secretLimits
  if (withoutLineEnd(value).length < valueBytesMin) {
    return `a secret has at least ${valueBytesMin} bytes: a shorter one cannot be masked in logs`
  }
  return value.length > valueBytesMax ? `a secret has at most ${valueBytesMax} bytes` : undefined
}
