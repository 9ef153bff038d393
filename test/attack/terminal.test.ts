/**
 * Whatever others have put into names, reasons and logs, it says nothing to the terminal of whoever
 * looks: every command that shows something, against an agent all of whose texts are hostile.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as z from 'zod'
import { routes } from '../../coordinator/api/routes.ts'
import { routeAt } from '../../coordinator/api/routing.ts'
import { run } from '../../coordinator/cli/program.ts'
import { plain } from '../../coordinator/cli/table.ts'
import { Written } from '../../coordinator/cli/written.ts'
import { adasEnvironment } from '../cli/key.ts'
import { type Answer, fakeAgent, refuses, Terminal } from '../cli/stage.ts'

/** Title and clipboard of the terminal, its screen, a line above, text turned around, a bell. */
const hostile =
  'n\u001b]0;pwned\u0007\u001b]52;c;cHduZWQ=\u0007\u001b[2J\u001b[1A\u001b[8m\u009b31m\r\u202egnp\u2066.exe\u0000\nFORGED \u001bP+q\u001b\\'

/** All that a terminal obeys, or by which a line is not what it looks like. */
const obeyed = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u

interface Shape {
  type?: string
  const?: unknown
  enum?: readonly unknown[]
  pattern?: string
  format?: string
  minimum?: number
  properties?: Record<string, Shape>
  additionalProperties?: Shape | boolean
  items?: Shape | false
  anyOf?: readonly Shape[]
  oneOf?: readonly Shape[]
  allOf?: readonly Shape[]
  $ref?: string
  $defs?: Record<string, Shape>
}

/** A document of that shape, with the hostile text wherever one of free choice goes. */
function documentOf(shape: Shape, root: Shape, depth = 0): unknown {
  if (shape.$ref !== undefined) {
    const name = shape.$ref.replace('#/$defs/', '')
    return documentOf((shape.$ref === '#' ? root : root.$defs?.[name]) ?? {}, root, depth + 1)
  }
  if ('const' in shape) return shape.const
  if (shape.enum !== undefined) return shape.enum[0]
  const [choice] = shape.anyOf ?? shape.oneOf ?? []
  if (choice !== undefined) return documentOf(choice, root, depth)
  if (shape.allOf !== undefined) {
    return Object.assign({}, ...shape.allOf.map((part) => documentOf(part, root, depth)))
  }
  switch (shape.type) {
    case 'string':
      return shape.pattern === undefined && shape.format === undefined ? hostile : 'a'.repeat(32)
    case 'integer':
    case 'number':
      return Math.max(1, shape.minimum ?? 1)
    case 'boolean':
      return true
    case 'null':
      return null
    case 'array':
      if (depth > 8 || shape.items === false) return []
      return [documentOf(shape.items ?? {}, root, depth + 1)]
    case 'object': {
      const { properties = {}, additionalProperties: more } = shape
      const fields = Object.entries(properties)
      const made = fields.map(([key, value]) => [key, documentOf(value, root, depth + 1)])
      if (typeof more === 'object') made.push([hostile, documentOf(more, root, depth + 1)])
      return Object.fromEntries(made)
    }
    default:
      return hostile
  }
}

/** An agent that answers each route with what its description allows, and hostile texts. */
const liar: Answer = (request, response) => {
  const path = (request.url ?? '').split('?')[0] ?? ''
  const found = routeAt(request.method ?? '', path)
  if (found === undefined) return refuses(404, 'notFound', hostile)(request, response)
  const route = routes[found.name]
  const shape = z.toJSONSchema(route.response, { io: 'output', unrepresentable: 'any' }) as Shape
  const text = JSON.stringify(documentOf(shape, shape))
  const type = 'stream' in route ? 'application/x-ndjson' : 'application/json'
  response.writeHead(200, { 'content-type': type }).end(`${text}\n`)
}

async function told(args: readonly string[], address: string): Promise<string> {
  const io = new Terminal()
  io.terminal = true
  io.env = adasEnvironment()
  await run([...args, '--address', address], {} as Parameters<typeof run>[1], io)
  return io.said + io.talk
}

const commands: readonly string[] = [
  'status',
  'top --once',
  'health',
  'events',
  'nodes ls',
  'nodes show n1',
  'nodes label n1 a=b',
  'modules ls',
  'runs ls',
  'runs show r1',
  'runs show r1 --stage a',
  'runs logs r1',
  'runs logs r1 a',
  'runs artifacts r1',
  'runs explain r1',
  'token ls',
  'users ls',
  'keys ls',
  'secret ls',
  'workflow ls',
  'audit ls',
  'audit verify',
  'estop status',
  'approve r1',
  'signal go',
  'runs cancel r1',
  'runs kill r1 --yes',
  'nodes drain n1 --yes',
  'nodes undrain n1',
  'token revoke ab --yes',
  'secret rm deploy --yes',
  'users revoke ada --yes',
]

for (const command of commands) {
  test(`skein ${command} shows hostile texts as text`, async (t) => {
    const { address, requests } = await fakeAgent(t, [liar])
    const shown = await told(command.split(' '), address)
    assert.ok(requests.length > 0, `it asks: ${shown}`)
    assert.ok(!shown.includes('is not a Skein agent'), shown)
    for (const line of shown.split('\n')) {
      const bad = obeyed.exec(line)
      assert.equal(bad, null, `${JSON.stringify(line)} at ${bad?.index}`)
      // Of what a stage wrote lines are lines.
      const isForged = line.trimStart().startsWith('FORGED') && !command.startsWith('runs logs')
      assert.ok(!isForged, `a line of its own: ${JSON.stringify(line)}`)
    }
  })
}

test('a refusal is one line, whatever it says', async (t) => {
  const { address } = await fakeAgent(t, [refuses(409, 'conflict', hostile)])
  const shown = await told(['nodes', 'drain', 'n1', '--yes'], address)
  assert.equal(shown.split('\n').length, 2, JSON.stringify(shown))
  assert.equal(obeyed.exec(shown.trimEnd()), null)
})

// ── What stages wrote ───────────────────────────────────────────────────────────────────────────

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\u001b',
      '[',
      ']',
      '0',
      ';',
      'm',
      '31m',
      '\r',
      '\n',
      '\t',
      '\u0007',
      '\u009b',
      '\u202e',
      'a',
    ),
    fc.string({ maxLength: 2, unit: 'binary' }),
  ),
  maxLength: 60,
})

test('of what a stage wrote lines, tabs and colours are left, wherever it is cut', () => {
  fc.assert(
    fc.property(anyText, fc.array(fc.nat(60)), fc.boolean(), (text, cuts, colours) => {
      const ends = [...new Set(cuts)].sort((a, b) => a - b)
      const whole = new Written(colours)
      const once = whole.shown(text) + whole.rest()
      const written = new Written(colours)
      const letters = [...text]
      let pieces = ''
      for (const [i, end] of [...ends, letters.length].entries()) {
        pieces += written.shown(letters.slice(i === 0 ? 0 : ends[i - 1], end).join(''))
      }
      pieces += written.rest()
      assert.equal(pieces, once)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
      const bare = once.replace(/\u001b\[[\d;:]{0,32}m/g, colours ? '' : '$&')
      assert.equal(obeyed.exec(bare.replace(/[\n\t]/g, '')), null, JSON.stringify(once))
    }),
    { numRuns: 1_000 },
  )
})

test('a colour ends with its line, and what is plain stays as it is', () => {
  const written = new Written(true)
  assert.equal(written.shown('\u001b[31mred\nnot\n'), '\u001b[31mred\u001b[0m\nnot\n')
  assert.equal(written.shown('10%\r20%\r\nend'), '10%\n20%\nend')
  assert.equal(new Written(false).shown('\u001b[31mred\u001b[8m'), 'red')
  assert.equal(new Written(true).shown('a\tb\u001b[2Jc\u0007'), 'a\tb·[2Jc·')
  assert.equal(plain('a\u202etxt.exe\u2066'), 'a·txt.exe·')
})

test('what is not for a terminal is as the stage wrote it', async (t) => {
  const { address } = await fakeAgent(t, [liar])
  const io = new Terminal()
  io.env = adasEnvironment()
  await run(['runs', 'logs', 'r1', 'a', '--address', address], {} as Parameters<typeof run>[1], io)
  assert.ok(io.said.includes('\u001b]0;pwned'))
})
