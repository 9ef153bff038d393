/** Steps that do work: the shapes of programs, requests, functions and containers. */

import type { Template } from '../expressions/template.ts'
import { workflowLimits as limits } from '../limits.ts'
import { type Container, type FunctionCall, type Http, httpMethods } from '../model.ts'
import { form, forms, list, mapOf } from '../shape/collections.ts'
import { optional, record, required } from '../shape/record.ts'
import { choice, integer, text } from '../shape/scalars.ts'
import type { Shape } from '../shape/shape.ts'
import { jsonTemplate, template } from '../shape/templates.ts'

const args = list(template('an argument'), {
  noun: 'a program and its arguments',
  min: 1,
  max: limits.argumentsMax,
})

/** A script, or a program with its arguments and no shell in between. */
export type Command = { readonly script: Template } | { readonly argv: readonly Template[] }

const script = template('a script', { empty: false })

export const run: Shape<Command> = forms<Command>({
  noun: 'a script, or a list of a program and its arguments',
  scalar: form(script, (text) => ({ script: text })),
  list: form(args, (argv) => ({ argv })),
  write: (command) =>
    'script' in command ? script.write(command.script) : args.write(command.argv),
})

const url = template('a URL', { empty: false })
const httpRecord = record(
  {
    url: required(url, 'Where to.'),
    method: optional(choice('a method', httpMethods), 'GET if not said, POST with a body.'),
    headers: optional(
      mapOf(template('a value'), {
        noun: 'headers',
        max: 128,
        keys: {
          noun: 'a header',
          regex: /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/,
          says: 'headers have letters, digits and -',
        },
      }),
      'Sent with the request.',
    ),
    body: optional(jsonTemplate('a body'), 'A text as it is; anything else as JSON.'),
    expect: optional(
      list(integer('a status', { min: 100, max: 599 }), {
        noun: 'a list of statuses',
        min: 1,
        max: 100,
        oneIsEnough: true,
        distinct: true,
      }),
      'Statuses that are a success; 200 to 299 if not said.',
    ),
  },
  {
    noun: 'http',
    synonyms: { uri: 'url', address: 'url', data: 'body', json: 'body', status: 'expect' },
  },
)

export const http: Shape<Http> = forms<Http>({
  noun: 'http',
  scalar: form(url, (only) => ({ url: only, method: 'GET' as const, headers: {}, expect: [] })),
  map: form(httpRecord, ({ method, headers = {}, expect = [], ...rest }) => ({
    ...rest,
    method: method ?? (rest.body === undefined ? ('GET' as const) : ('POST' as const)),
    headers,
    expect,
  })),
  write: ({ headers, expect, ...rest }) =>
    httpRecord.write({
      ...rest,
      ...(Object.keys(headers).length > 0 ? { headers } : {}),
      ...(expect.length > 0 ? { expect } : {}),
    }),
})

const module = template('the path of a module', { empty: false })
const functionRecord = record(
  {
    module: required(module, 'A JavaScript module, from the directory of the stage.'),
    export: optional(
      text({ noun: 'the name of an export', lengthMin: 1, lengthMax: 128 }),
      'What of it is called, with the values of `with`; default if not said.',
    ),
  },
  {
    noun: 'function',
    synonyms: { path: 'module', file: 'module', name: 'export', handler: 'export' },
  },
)

export const functionCall: Shape<FunctionCall> = forms<FunctionCall>({
  noun: 'function',
  scalar: form(module, (only) => ({ module: only, export: 'default' })),
  map: form(functionRecord, ({ module, export: name = 'default' }) => ({ module, export: name })),
  write: (value) => functionRecord.write(value),
})

const image = template('an image', { empty: false })
const containerRecord = record(
  {
    image: required(image, 'As podman or docker name it.'),
    command: optional(args, 'Instead of what the image starts.'),
    pull: optional(choice('when to pull', ['always', 'missing', 'never']), 'missing if not said.'),
    network: optional(choice('a network', ['none', 'host', 'bridge']), 'bridge if not said.'),
  },
  { noun: 'container', synonyms: { args: 'command', cmd: 'command', imagepullpolicy: 'pull' } },
)

export const container: Shape<Container> = forms<Container>({
  noun: 'container',
  scalar: form(image, (only) => ({
    image: only,
    command: [],
    pull: 'missing' as const,
    network: 'bridge' as const,
  })),
  map: form(containerRecord, ({ image, command = [], pull = 'missing', network = 'bridge' }) => ({
    image,
    command,
    pull,
    network,
  })),
  write: ({ command, ...rest }) =>
    containerRecord.write({ ...rest, ...(command.length > 0 ? { command } : {}) }),
})

/** Runbooks, frameworks and gates are named here and described elsewhere. */
export function namedStep(noun: string): Shape<Template> {
  return template(noun, { empty: false })
}
