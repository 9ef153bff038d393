/** The documents of emergency stops. */
import * as z from 'zod'
import { SCHEMA_VERSION } from './schemas.ts'

export const StopInForce = z.object({
  word: z.string().describe('Name of the signed word that raised it'),
  scope: z.string().meta({ description: '`mesh`, `label:k=v` or `run:ID`', examples: ['mesh'] }),
  mode: z.enum(['kill', 'drain']),
  epoch: z.number(),
  by: z.string(),
  reason: z.string(),
  issuedAtMs: z.number().describe('By the clock of whoever raised it'),
})

export const StopNode = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['alive', 'suspect', 'dead', 'left']),
  answer: z
    .enum(['silent', 'latched', 'done', 'refused'])
    .describe('`done`: all in scope was seen to be gone, or it is released'),
  killed: z.number().describe('Process groups and other attempts'),
  tookMs: z.number().describe('From hearing it to this answer, on that node'),
  why: z.string().optional(),
})

export const EstopState = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  mesh: z.string(),
  inForce: z.array(StopInForce),
  next: z
    .object({
      scope: z.string(),
      epoch: z.number(),
      covers: z.array(z.object({ id: z.string(), epoch: z.number() })),
      floor: z.number(),
    })
    .describe('What the next word of the scope that was asked for has to say'),
  proposals: z
    .array(z.object({ body: z.string(), by: z.string() }))
    .describe('Releases of that scope that wait for another person, base64url'),
  nodes: z.array(StopNode).describe('What each node has answered for the word asked for'),
})

export const EstopWord = z
  .object({ word: z.base64url().max(32_768).describe('A signed word, encoded') })
  .meta({ examples: [{ word: 'AAAA' }] })

export const EstopHeard = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  word: z.string(),
  outcome: z
    .enum(['news', 'known', 'full', 'proposed'])
    .describe('`proposed`: it waits for another person; `known`: it changes nothing'),
})
