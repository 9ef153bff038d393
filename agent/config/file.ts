/**
 * Reads a configuration file, YAML or JSON (which YAML contains), into values with their places.
 * What it does not find in the schema it refuses, with the nearest that is there.
 *
 * Scalars are taken as written, not as YAML would type them: `rack: 1.10` is the label 1.10, and
 * `probeInterval: 500` is refused for its missing unit and not read as a number.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import { nearest } from '../../protocol/nearest.ts'
import { limits } from './limits.ts'
import { isKey, type NamedKey, namedKeys } from './names.ts'
import type { ConfigProblem } from './problem.ts'
import { schema, type Table } from './schema.ts'
import { type Found, type Gathered, type Piece, unknown } from './source.ts'

/** Lets editors find the schema; means nothing to us. */
const editorKey = '$schema'

export function fromFile(text: string, fileName: string): Gathered {
  if (text.length > limits.fileLengthMax) {
    const why = `it has more than ${limits.fileLengthMax} characters`
    return { found: [], problems: [{ where: fileName, why, fix: 'is it the right file?' }] }
  }
  return new ConfigFile(text, fileName).gather()
}

class ConfigFile {
  private readonly fileName: string
  private readonly lines = new LineCounter()
  private readonly document: Document.Parsed
  private readonly found: Found[] = []
  private readonly problems: ConfigProblem[] = []

  constructor(text: string, fileName: string) {
    this.fileName = fileName
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false })
  }

  gather(): Gathered {
    const { errors, warnings, contents } = this.document
    for (const { pos, message } of [...errors, ...warnings]) {
      const why = message.charAt(0).toLowerCase() + message.slice(1)
      this.problems.push({ where: this.at(pos[0]), why, fix: 'mend the YAML here' })
    }
    // Half a document would only bring forth mistakes that are not there.
    if (errors.length === 0 && !isEmpty(contents)) this.section(contents, schema, [])
    return { found: this.found, problems: this.problems }
  }

  private section(node: Node | null, table: Table, above: readonly string[]): void {
    const map = this.resolved(node)
    // A section whose every key is commented out.
    if (isEmpty(map)) return
    if (!isMap(map)) {
      const example = `${Object.keys(table)[0]}: …`
      const what = above.length === 0 ? 'a configuration' : above.join('.')
      this.refuse(
        node,
        `${what} holds keys, not a ${nameOf(map)}`,
        `write keys below it: ${example}`,
      )
      return
    }
    for (const { key, value } of (map as YAMLMap<Node, Node | null>).items) {
      const word = isScalar(key) ? written(key) : '?'
      if (above.length === 0 && word === editorKey) continue
      const entry = Object.hasOwn(table, word) ? table[word] : undefined
      const path = [...above, word]
      if (entry === undefined) this.refuseKey(key, path, Object.keys(table))
      else if (isKey(entry)) this.value(key, value, path.join('.'))
      else this.section(value, entry, path)
    }
  }

  private value(keyNode: Node, node: Node | null, name: string): void {
    const key = namedKeys.find((each) => each.name === name)!
    const value = this.resolved(node)
    const { shape } = key.key.kind
    if (value === null || isEmpty(value)) {
      this.refuse(keyNode, `${name} has no value`, 'give it one, or leave the key out')
      return
    }
    const where = this.place(node)
    const pieces = this.pieces(key, value, where)
    if (pieces === undefined) {
      const wanted = { one: 'one value', list: 'a list', map: 'names and values' }[shape]
      this.refuse(node, `${name} takes ${wanted}, not a ${nameOf(value)}`, exampleOf(key))
      return
    }
    this.found.push({ key, source: 'file', where, pieces })
  }

  /** Undefined when the shape is wrong. A single value does for a list of one. */
  private pieces(
    { name, key: { kind } }: NamedKey,
    value: Node,
    where: string,
  ): Piece[] | undefined {
    if (kind.shape === 'map') {
      if (!isMap<Node, Node | null>(value)) return undefined
      return value.items.flatMap(({ key, value }) => {
        const entry = isScalar(key) ? `${name}.${written(key)}` : name
        return this.piece(value, key, entry).map((piece) => ({
          ...piece,
          name: isScalar(key) ? written(key) : '',
        }))
      })
    }
    if (isScalar(value)) return [{ text: written(value), where }]
    if (kind.shape === 'one' || !isSeq<Node | null>(value)) return undefined
    return value.items.flatMap((item) => this.piece(item, value, name))
  }

  /** One element or entry; none, and a problem, when it is not a plain value. */
  private piece(node: Node | null, around: Node, name: string): Piece[] {
    const value = this.resolved(node)
    if (isScalar(value) && !isEmpty(value))
      return [{ text: written(value), where: this.place(node) }]
    const what = isEmpty(value) ? 'nothing' : `a ${nameOf(value)}`
    this.refuse(
      node ?? around,
      `${name} holds ${what} where one value should be`,
      'write one value',
    )
    return []
  }

  private refuseKey(node: Node, path: readonly string[], siblings: readonly string[]): void {
    const word = path.at(-1)!
    const dotted = namedKeys.find(({ name }) => name === word)
    if (dotted !== undefined) {
      const fix = `write it as ${dotted.path.join(': { ')}: … }`
      this.refuse(node, `${word} is no key by itself: sections are not written with dots`, fix)
      return
    }
    const above = path.slice(0, -1)
    const sibling = nearest(word, siblings)
    // A key in the wrong section, or written with dots at the top.
    const meant =
      sibling === undefined
        ? (namedKeys.find(({ path }) => path.at(-1) === word)?.name ??
          nearest(
            path.join('.'),
            namedKeys.map(({ name }) => name),
          ))
        : [...above, sibling].join('.')
    const { why, fix } = unknown('', 'key', meant, 'leave it out')
    this.refuse(node, `${why}: ${path.join('.')}`, fix)
  }

  private refuse(node: Node | null, why: string, fix: string): void {
    this.problems.push({ where: this.place(node), why, fix })
  }

  private resolved(node: Node | null): Node | null {
    return isAlias(node) ? (node.resolve(this.document) ?? null) : node
  }

  private place(node: Node | null): string {
    return this.at(node?.range?.[0] ?? 0)
  }

  private at(offset: number): string {
    const { line, col } = this.lines.linePos(offset)
    return `${this.fileName}:${line}:${col}`
  }
}

/** As it stands in the file, where YAML would have made a number or a truth value of it. */
function written(node: { value?: unknown; source?: string }): string {
  if (typeof node.value === 'string') return node.value
  return node.source ?? String(node.value)
}

function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null)
}

function nameOf(node: Node | null): string {
  return isMap(node) ? 'section' : isSeq(node) ? 'list' : 'single value'
}

function exampleOf({ path, key: { kind } }: NamedKey): string {
  const word = path.at(-1)
  if (kind.shape === 'map') return `write ${word}: { name: value }`
  return kind.shape === 'list' ? `write ${word}: [<${kind.noun}>]` : `write ${word}: <${kind.noun}>`
}
