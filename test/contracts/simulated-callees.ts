/** The functions and servers of the contracts, as a simulated host has them. */
import type { SimulatedFunction } from '../../simulations/world/functions.ts'
import type { Servers } from '../../simulations/world/web.ts'
import type { functionNames } from './functions.ts'
import { answers } from './web.ts'

const fails = (why: string) => () => {
  throw new Error(why)
}

const quick = { tookMs: 5 }

export const simulatedFunctions: Record<keyof typeof functionNames, SimulatedFunction> = {
  echoes: { ...quick, returns: (input) => ({ got: input }) },
  waits: { ...quick, returns: (input) => input },
  nothing: { ...quick, returns: () => undefined },
  tellsEnvironment: {
    ...quick,
    returns: (_input, env) => `${env.GREETING}${Object.keys(env).length}`,
  },
  throws: { ...quick, returns: fails('out of luck') },
  rejects: { ...quick, returns: fails('later out of luck') },
  returnsFunction: { ...quick, returns: () => () => 1 },
  returnsBig: { ...quick, returns: () => 10n },
  returnsMuch: { ...quick, returns: () => 'x'.repeat(10_000) },
  writes: { ...quick, returns: () => 1, stdout: 'to be read\n', stderr: 'a complaint\n' },
  never: { tookMs: Number.POSITIVE_INFINITY, returns: () => undefined },
  hoards: { ...quick, returns: () => undefined, memoryBytes: 1e9 },
  counts: { ...quick, returns: () => 1 },
}

export const simulatedServers: Servers = {
  'http://server': {
    ...quick,
    answers: ({ url, method, headers, body }) =>
      answers[new URL(url).pathname] ?? {
        status: 200,
        body: `${method} ${headers['x-mine']} ${body ?? ''}`,
      },
  },
  'http://silent': { tookMs: Number.POSITIVE_INFINITY, answers: () => ({ status: 200, body: '' }) },
}
