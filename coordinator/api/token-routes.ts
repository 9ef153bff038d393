/**
 * The routes of join tokens: a part of the table in `routes.ts`. The seed of a token is made by
 * whoever asks for one and is told to no agent; what an agent adds comes sealed to that seed, so that
 * no token can be put together from what was said on the way.
 */
import * as z from 'zod'
import { limits } from '../../agent/config/limits.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import { routePaths } from './route-paths.ts'

const schemaVersion = z.literal(1)

const Token = z.object({
  id: z.string(),
  role: z.enum(['agent', 'coordinator']),
  labels: z.record(z.string(), z.string()).describe('Of the hosts that it lets in'),
  name: z.string().optional().describe('What the one host that it lets in is called'),
  uses: z.number().describe('How many hosts it lets in'),
  usesLeft: z.number(),
  expiresMs: z.number().describe('Its end, by the calendar'),
  by: z.string(),
  atMs: z.number(),
  state: z.enum(['good', 'revoked', 'expired', 'spent']),
  hosts: z
    .array(z.object({ id: z.string(), name: z.string(), serial: z.string(), atMs: z.number() }))
    .describe('Whom it has let in, with the serial of the certificate'),
})

export const TokenList = z.object({ schemaVersion, tokens: z.array(Token) })

export const TokenWish = z
  .strictObject({
    key: z.string().max(128).describe('Public key of the token, as an id'),
    sealing: z
      .string()
      .length(43)
      .describe(
        'Public key (X25519), in base64url, to which what is secret in the answer is sealed',
      ),
    labels: z.record(z.string(), z.string()).default({}),
    name: z.string().min(1).max(limits.nodeNameLengthMax).optional(),
    uses: z.number().int().min(1).max(joinLimits.usesMax).default(1),
    ttlMs: z.number().int().min(joinLimits.ttlMsMin).max(joinLimits.ttlMsMax),
  })
  .meta({
    examples: [
      {
        key: '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X',
        sealing: 'A'.repeat(43),
        labels: { zone: 'north' },
        uses: 1,
        ttlMs: joinLimits.ttlMsDefault,
      },
    ],
  })

export const TokenMade = z.object({
  schemaVersion,
  token: Token,
  mesh: z.string().describe('Id of the mesh'),
  addresses: z.array(z.string()).describe('Where agents of the mesh are now'),
  swarmKey: z.string().describe('The swarm key, sealed to `sealing`, in base64url'),
})

export const tokenRoutes = {
  tokens: {
    ...routePaths.tokens,
    summary: 'Tokens by which hosts join; what would let one in is told to nobody',
    response: TokenList,
  },
  createToken: {
    ...routePaths.createToken,
    summary: 'Let hosts join as agents, by a token whose seed the caller has made',
    body: TokenWish,
    response: TokenMade,
  },
  createCoordinatorToken: {
    ...routePaths.createCoordinatorToken,
    summary: 'Let hosts join that may vote and lead',
    body: TokenWish,
    response: TokenMade,
  },
  revokeToken: {
    ...routePaths.revokeToken,
    summary: 'Let nobody in by a token any more; hosts that it has let in stay',
    parameters: z.strictObject({
      token: z
        .string()
        .min(1)
        .max(joinLimits.idLength)
        .meta({ description: 'Id, or a unique prefix of one', examples: ['3f9a2c'] }),
    }),
    response: z.object({ schemaVersion, token: Token }),
  },
} as const
