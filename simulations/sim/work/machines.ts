/** What every machine of a mesh that works can reach and call, besides programs. */
import type { Modules } from '../../world/functions.ts'
import type { Servers } from '../../world/web.ts'

export const servers: Servers = {
  'http://sim.local': {
    tookMs: 30,
    answers: ({ url }) =>
      url.endsWith('/bad') ? { status: 503, body: 'not now' } : { status: 200, body: 'here' },
  },
}

export const modules: Modules = {
  '/mod': {
    good: { tookMs: 20, returns: () => ({ v: 'good' }) },
    bad: {
      tookMs: 20,
      returns: () => {
        throw new Error('it is a bad one')
      },
    },
  },
}
