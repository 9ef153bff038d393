/**
 * YAML, and JSON with it, into located values. What is plain JSON is read by `json.ts`. What is
 * large, deep or multiplied by aliases is refused before it takes memory or time; what YAML leaves
 * open (keys that stand twice, tags, merge keys) is a mistake.
 */
import { Composer, CST, isAlias, isMap, isScalar, isSeq, Lexer, type Node, Parser } from 'yaml'
import { workflowLimits as limits } from '../limits.ts'
import { type Mistakes, type Path, quote } from '../mistake.ts'
import { readJson } from './json.ts'
import type { Entry, Located, Scalar } from './located.ts'

/** Undefined when there is none to go on with; then there are mistakes. */
export function readDocument(text: string, mistakes: Mistakes): Located | undefined {
  if (text.length > limits.textLengthMax) {
    const why = `the file has more than ${limits.textLengthMax} characters`
    mistakes.add('tooLarge', 0, [], why, 'split the workflow, and start the parts as subflows')
    return undefined
  }
  return readJson(text) ?? readYaml(text, mistakes)
}

export function readYaml(text: string, mistakes: Mistakes): Located | undefined {
  const tokens = tokensOf(text, mistakes)
  if (tokens === undefined) return undefined
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
  const documents = [...composer.compose(tokens, true, text.length)]
  for (const document of documents) {
    for (const { pos, message, code } of [...document.errors, ...document.warnings]) {
      const hint = code === 'MULTILINE_IMPLICIT_KEY' ? 'is a quote or a colon missing?' : undefined
      mistakes.add('notYaml', pos[0], [], asClause(message), hint)
    }
  }
  const [document, second] = documents
  if (second) {
    mistakes.add(
      'notYaml',
      second.range[0],
      [],
      'a second document begins here',
      'one file is one workflow',
    )
  }
  // Half a document would only bring forth mistakes that are not there.
  if (mistakes.count > 0) return undefined
  if (!document?.contents) {
    mistakes.add('missingKey', 0, [], 'the file is empty', 'see skein workflow schema')
    return undefined
  }
  const conversion = new Conversion(text, mistakes)
  const { node } = conversion.node(document.contents, [])
  return conversion.isWhole ? node : undefined
}

function asClause(message: string): string {
  const first = message.split('\n')[0]!.replace(/[.:]$/, '')
  return first.charAt(0).toLowerCase() + first.slice(1, 200)
}

/** Counted while it is read: no file costs more than its first lexemes. */
function tokensOf(text: string, mistakes: Mistakes): CST.Token[] | undefined {
  const parser = new Parser()
  const tokens: CST.Token[] = []
  let at = 0
  let count = 0
  let flowDepth = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[' || lexeme === '{') flowDepth++
    if (lexeme === ']' || lexeme === '}') flowDepth--
    if (flowDepth > limits.documentDepthMax) return refuseDeep(at, mistakes)
    if (++count > limits.lexemesMax) {
      const why = `the file has more than ${limits.lexemesMax} words and signs`
      mistakes.add('tooLarge', at, [], why, 'split the workflow, and start the parts as subflows')
      return undefined
    }
    for (const token of parser.next(lexeme)) tokens.push(token)
    // Marks of the lexer's own: they are no part of the file.
    if (lexeme !== CST.DOCUMENT && lexeme !== CST.FLOW_END && lexeme !== CST.SCALAR) {
      at += lexeme.length
    }
  }
  for (const token of parser.end()) tokens.push(token)
  const deep = tooDeepAt(tokens)
  return deep === undefined ? tokens : refuseDeep(deep, mistakes)
}

function refuseDeep(at: number, mistakes: Mistakes): undefined {
  const why = `lists and maps are nested deeper than ${limits.documentDepthMax} levels`
  mistakes.add('tooDeep', at, [], why)
}

/** Looked for before the tree is built, because building it follows the nesting. */
function tooDeepAt(tokens: readonly CST.Token[]): number | undefined {
  const waiting: { token: CST.Token | null | undefined; depth: number }[] = tokens.map((token) => ({
    token,
    depth: 0,
  }))
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next
    if (!token) continue
    if (depth > limits.documentDepthMax) return token.offset
    if (token.type === 'document') waiting.push({ token: token.value, depth })
    if (!CST.isCollection(token)) continue
    for (const { key, value } of token.items) {
      waiting.push({ token: key, depth: depth + 1 }, { token: value, depth: depth + 1 })
    }
  }
  return undefined
}

interface Converted {
  readonly node: Located | undefined
  /** Values below it, those behind aliases counted each time. */
  readonly size: number
}

class Conversion {
  private readonly text: string
  private readonly mistakes: Mistakes
  private readonly anchors = new Map<string, Converted>()
  private aliased = 0
  /** False when an alias stands for nothing that could be taken. */
  isWhole = true

  constructor(text: string, mistakes: Mistakes) {
    this.text = text
    this.mistakes = mistakes
  }

  node(node: Node | null, path: Path): Converted {
    if (isAlias(node)) return this.alias(node.source, startOf(node), path)
    const converted = this.plain(node, path)
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined
    if (anchor !== undefined) this.anchors.set(anchor, converted)
    return converted
  }

  private alias(name: string, at: number, path: Path): Converted {
    const target = this.anchors.get(name)
    if (target === undefined) {
      this.isWhole = false
      this.mistakes.add('notYaml', at, path, `*${name} refers to nothing before it`)
      return { node: undefined, size: 0 }
    }
    const before = this.aliased
    this.aliased += target.size
    if (this.aliased <= limits.aliasedNodesMax) return target
    this.isWhole = false
    if (before <= limits.aliasedNodesMax) {
      const why = `the aliases up to here stand for more than ${limits.aliasedNodesMax} values`
      this.mistakes.add('tooLarge', at, path, why, 'write out what is meant')
    }
    return { node: undefined, size: 0 }
  }

  private plain(node: Node | null, path: Path): Converted {
    if (isMap<Node, Node | null>(node)) {
      let size = 1
      const entries: Entry[] = []
      const seen = new Map<string, number>()
      for (const { key, value } of node.items) {
        const word = this.key(key, path, seen)
        if (word === undefined) continue
        const converted = this.node(value, [...path, word])
        size += converted.size
        const found = converted.node ?? this.nothing(startOf(key))
        entries.push({ key: word, keyAt: startOf(key), value: found })
      }
      return { node: { kind: 'map', entries, at: startOf(node) }, size }
    }
    if (isSeq<Node | null>(node)) {
      let size = 1
      const items = node.items.map((item, i) => {
        const converted = this.node(item, [...path, i])
        size += converted.size
        return converted.node ?? this.nothing(startOf(node))
      })
      return { node: { kind: 'list', items, at: startOf(node) }, size }
    }
    return { node: this.scalar(node), size: 1 }
  }

  private key(node: Node, path: Path, seen: Map<string, number>): string | undefined {
    const at = startOf(node)
    if (!isScalar(node) || node.value === null) {
      this.mistakes.add('wrongType', at, path, 'a key is one word', 'write key: value')
      return undefined
    }
    const word = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
    if (word === '<<' || word === '__proto__') {
      const why = word === '<<' ? 'merge keys are not read' : `${word} is no key`
      this.mistakes.add(
        'unknownKey',
        at,
        path,
        why,
        'common settings of stages stand under defaults',
      )
      return undefined
    }
    const first = seen.get(word)
    if (first !== undefined) {
      const { line } = this.mistakes.placeOf(first)
      const why = `the key ${quote(word)} stands twice`
      this.mistakes.add('duplicateKey', at, [...path, word], why, `it is already in line ${line}`)
      return undefined
    }
    seen.set(word, at)
    return word
  }

  private scalar(node: Node | null): Scalar {
    if (!isScalar(node) || !node.range) return this.nothing(node ? startOf(node) : 0)
    const { value, type, source } = node
    const at = startOf(node)
    const end = node.range[1]
    const style =
      type === 'QUOTE_SINGLE'
        ? 'single'
        : type === 'QUOTE_DOUBLE'
          ? 'double'
          : type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED'
            ? 'block'
            : 'plain'
    if (typeof value === 'string') return { kind: 'scalar', value, text: value, style, at, end }
    const known = typeof value === 'number' || typeof value === 'boolean' ? value : null
    return {
      kind: 'scalar',
      value: known,
      text: source ?? this.text.slice(at, end),
      style,
      at,
      end,
    }
  }

  private nothing(at: number): Scalar {
    return { kind: 'scalar', value: null, text: '', style: 'plain', at, end: at }
  }
}

function startOf(node: { range?: readonly number[] | null }): number {
  return node.range?.[0] ?? 0
}
