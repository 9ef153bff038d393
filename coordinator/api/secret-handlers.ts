/** What each route of secrets does. A value goes from the request to the leader, and nowhere else. */
import type { Agent } from '../../agent/agent.ts'
import { withoutLineEnd } from '../../agent/work/secrets/values.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { freshState } from '../runs/fresh.ts'
import type { SecretKeeper } from '../secrets/keeper.ts'
import { secretLimits } from '../secrets/limits.ts'
import { NAMESPACE, SecretRow, VALUE_PREFIX } from '../secrets/wire.ts'
import { appended, applied } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type SecretRoute = 'secrets' | 'setSecret' | 'removeSecret'

const done = { schemaVersion: SCHEMA_VERSION, done: true } as const

export function secretHandlers(agent: Agent, keeper: SecretKeeper): Pick<Handlers, SecretRoute> {
  // One after another, so that they do not get into each other's way.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (request: Request<'setSecret'>) => {
    const set = last.then(() => setSecret(agent, keeper, request))
    last = set.catch(() => {})
    return set
  }
  return {
    secrets: async ({ signal }) => {
      await freshState(agent, signal)
      const secrets = keeper
        .list()
        .map(({ name, by, atMs, isResealed }) => ({ name, by, atMs, resealed: isResealed }))
      return { schemaVersion: SCHEMA_VERSION, secrets }
    },
    setSecret: inTurn,
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

async function setSecret(
  agent: Agent,
  keeper: SecretKeeper,
  request: Request<'setSecret'>,
): Promise<typeof done> {
  const { body, signal } = request
  const { secret: name } = request.parameters
  const value = Buffer.from(body.value, 'base64')
  const why = unfit(value)
  if (why !== undefined) throw new ApiRefusal('badRequest', why, 'choose another value')
  await freshState(agent, signal)
  const known = keeper.list()
  if (known.length >= secretLimits.secretsMax && !known.some((each) => each.name === name)) {
    const full = `there are ${known.length} secrets, and no room for more`
    throw new ApiRefusal('overloaded', full, 'remove one with skein secret rm')
  }
  await written(agent, keeper, value, request)
  return done
}

/** Again, where another key of secrets or another secret has come in between. */
async function written(
  agent: Agent,
  keeper: SecretKeeper,
  value: Uint8Array,
  { parameters: { secret: name }, caller: { name: by }, signal, trail }: Request<'setSecret'>,
): Promise<void> {
  let code = 'conflict'
  for (let round = 0; round < secretLimits.setRoundsMax && code === 'conflict'; round++) {
    const sealed = await keeper.sealed(name, value)
    if (sealed === undefined) {
      const lost = 'no coordinator that has the key of secrets answers'
      throw new ApiRefusal('unreachable', lost, 'skein health says who is missing')
    }
    const fence = keeper.fence(sealed)
    if (fence === undefined) {
      await freshState(agent, signal)
      continue
    }
    const row = encode(SecretRow, { sealed, by, atMs: agent.ports.clock.wall() })
    const put = { namespace: NAMESPACE, key: VALUE_PREFIX + name, value: row }
    code = (await applied(agent, [{ kind: 'kvPut', value: put }, fence], signal, trail)).code
  }
  if (code === 'ok') return
  throw new ApiRefusal('conflict', `the ledger answered ${code}`, 'look at the state and try again')
}

function unfit(value: Buffer): string | undefined {
  const { valueBytesMin, valueBytesMax } = secretLimits
  if (withoutLineEnd(value).length < valueBytesMin) {
    return `a secret has at least ${valueBytesMin} bytes: a shorter one cannot be masked in logs`
  }
  return value.length > valueBytesMax ? `a secret has at most ${valueBytesMax} bytes` : undefined
}
