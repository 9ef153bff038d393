/**
 * Tokens into a tree, by precedence. It stops at the first mistake: what follows one is guessing.
 * Macros are recognised here, because the names they bind exist only inside them.
 */
import {
  type BinaryOperator,
  binaryOperators,
  childrenOf,
  type Expr,
  isMacro,
  type MacroName,
} from './ast.ts'
import { attempt, type ExpressionMistake, failure } from './errors.ts'
import { type Token, tokenAt } from './lexer.ts'
import { expressionLimits as limits } from './limits.ts'

export type ParsedExpression =
  | { readonly ok: true; readonly value: Expr }
  | { readonly ok: false; readonly mistake: ExpressionMistake }

export function parseExpression(source: string): ParsedExpression {
  return attempt(() => {
    refuseLong(0, source.length)
    const parser = new Parser(source, 0)
    const expr = parser.expression()
    parser.expectEnd()
    return expr
  })
}

/** An expression that begins at `from` and ends before `}}`. Throws `ExpressionFailure`. */
export function expressionUpToBraces(source: string, from: number): { expr: Expr; end: number } {
  const parser = new Parser(source, from)
  const expr = parser.expression()
  const end = parser.expectBraces()
  refuseLong(from, end)
  return { expr, end }
}

function refuseLong(from: number, end: number): void {
  if (end - from <= limits.sourceLengthMax) return
  const why = `the expression has ${end - from} characters, and ${limits.sourceLengthMax} are allowed`
  throw failure('tooLong', from, why, 'compute it in a stage and hand on its output')
}

function shown(token: string): string {
  return `"${token.length > 40 ? `${token.slice(0, 40)}…` : token}"`
}

/** Words of other languages. */
const wordsMeant: Readonly<Record<string, string>> = { and: '&&', or: '||', not: '!', is: '==' }

class Parser {
  private readonly source: string
  private token: Token
  /** Levels of the recursion, so that the stack is safe before a tree is there to measure. */
  private nesting = 0
  private readonly depths = new WeakMap<Expr, number>()

  constructor(source: string, from: number) {
    this.source = source
    this.token = tokenAt(source, from)
  }

  expectEnd(): void {
    if (this.token.type !== 'end') throw this.unexpected('the end')
  }

  expectBraces(): number {
    const { at } = this.token
    if (this.source.startsWith('}}', at)) return at + 2
    throw this.token.type === 'end'
      ? failure('unexpected', at, 'the expression has no end', 'close it with }}')
      : this.unexpected('}}')
  }

  expression(): Expr {
    if (++this.nesting > limits.depthMax) throw this.tooDeep(this.token.at)
    const condition = this.binary(1)
    let result = condition
    if (this.takes('?')) {
      const ifTrue = this.binary(1)
      this.expect(':')
      const ifFalse = this.expression()
      result = this.made({ kind: 'ternary', at: condition.at, condition, ifTrue, ifFalse })
    }
    this.nesting--
    return result
  }

  private binary(levelMin: number): Expr {
    let left = this.unary()
    for (;;) {
      const operator = this.operatorHere()
      if (operator === undefined || binaryOperators[operator] < levelMin) return left
      const { at } = this.token
      this.advance()
      const right = this.binary(binaryOperators[operator] + 1)
      left = this.made({ kind: 'binary', at, operator, left, right })
    }
  }

  private operatorHere(): BinaryOperator | undefined {
    const { token } = this
    if (token.type !== 'sign' && token.type !== 'name') return undefined
    if (token.type === 'name' && token.value !== 'in') return undefined
    return Object.hasOwn(binaryOperators, token.value) ? (token.value as BinaryOperator) : undefined
  }

  private unary(): Expr {
    const { at } = this.token
    if (++this.nesting > limits.depthMax) throw this.tooDeep(at)
    let result: Expr
    if (this.takes('!')) result = this.made({ kind: 'unary', at, operator: '!', of: this.unary() })
    else if (this.takes('-')) result = this.negated(at)
    else result = this.member(this.primary())
    this.nesting--
    return result
  }

  /** A minus straight before a number is part of it. */
  private negated(at: number): Expr {
    const { token } = this
    if (token.type !== 'int' && token.type !== 'double') {
      return this.made({ kind: 'unary', at, operator: '-', of: this.unary() })
    }
    this.advance()
    return this.member(this.made({ kind: 'literal', at, value: -token.value }))
  }

  private member(of: Expr): Expr {
    let result = of
    for (;;) {
      const { at } = this.token
      if (this.takes('[')) {
        const key = this.expression()
        this.expect(']')
        result = this.made({ kind: 'index', at, of: result, key })
      } else if (this.takes('.')) {
        const field = this.nameHere('the name of a field')
        result = this.isSign('(')
          ? this.method(result, field)
          : this.made({ kind: 'select', at: field.at, of: result, field: field.value })
      } else return result
    }
  }

  private method(receiver: Expr, { value: name, at }: { value: string; at: number }): Expr {
    const args = this.args()
    if (isMacro(name)) return this.macro(name, receiver, args, at)
    return this.made({ kind: 'call', at, name, receiver, args })
  }

  private macro(macro: MacroName, over: Expr, args: readonly Expr[], at: number): Expr {
    const [variable, ...rest] = args
    const wanted = macro === 'map' ? [1, 2] : [1]
    const usage = `write .${macro}(x, …), with x standing for each element`
    if (variable === undefined || !wanted.includes(rest.length)) {
      const why = `${macro} takes a name and ${macro === 'map' ? 'one or two expressions' : 'one expression'}`
      throw failure('badMacro', at, why, usage)
    }
    if (variable.kind !== 'name') {
      throw failure('badMacro', variable.at, `the first argument of ${macro} is a name`, usage)
    }
    const body = rest.at(-1)!
    const common = { kind: 'macro', at, macro, over, variable: variable.name, body } as const
    return this.made(rest.length === 2 ? { ...common, filter: rest[0]! } : common)
  }

  private primary(): Expr {
    const { token } = this
    this.advance()
    switch (token.type) {
      case 'int':
        if (token.value >= 2n ** 63n) {
          throw failure('badNumber', token.at, `${token.value} is larger than 64 bits hold`)
        }
        return this.made({ kind: 'literal', at: token.at, value: token.value })
      case 'double':
      case 'text':
        return this.made({ kind: 'literal', at: token.at, value: token.value })
      case 'name':
        return this.named(token)
      case 'sign':
        if (token.value === '(') return this.group()
        if (token.value === '[') return this.list(token.at)
        if (token.value === '{') return this.map(token.at)
        break
      case 'end':
    }
    this.token = token
    throw this.unexpected('a value')
  }

  private named({ value: name, at }: { value: string; at: number }): Expr {
    if (name === 'true' || name === 'false') {
      return this.made({ kind: 'literal', at, value: name === 'true' })
    }
    if (name === 'null') return this.made({ kind: 'literal', at, value: null })
    if (name === 'in') throw failure('unexpected', at, 'in stands between two values')
    if (!this.isSign('(')) return this.made({ kind: 'name', at, name })
    const args = this.args()
    if (name !== 'has') return this.made({ kind: 'call', at, name, args })
    const [of] = args
    if (args.length !== 1 || of?.kind !== 'select') {
      throw failure('badMacro', at, 'has takes one field', 'write has(inputs.name)')
    }
    return this.made({ kind: 'has', at, of: of.of, field: of.field })
  }

  private group(): Expr {
    const inner = this.expression()
    this.expect(')')
    return inner
  }

  private list(at: number): Expr {
    return this.made({ kind: 'list', at, items: this.upTo(']', () => this.expression()) })
  }

  private map(at: number): Expr {
    const entries = this.upTo('}', () => {
      const key = this.expression()
      this.expect(':')
      return { key, value: this.expression() }
    })
    return this.made({ kind: 'map', at, entries })
  }

  private args(): Expr[] {
    this.expect('(')
    return this.upTo(')', () => this.expression())
  }

  private upTo<T>(closing: string, item: () => T): T[] {
    const items: T[] = []
    while (!this.takes(closing)) {
      items.push(item())
      if (!this.takes(',')) {
        this.expect(closing)
        break
      }
    }
    return items
  }

  private nameHere(what: string): { value: string; at: number } {
    const { token } = this
    if (token.type !== 'name') throw this.unexpected(what)
    this.advance()
    return token
  }

  private isSign(value: string): boolean {
    return this.token.type === 'sign' && this.token.value === value
  }

  private takes(value: string): boolean {
    const found = this.isSign(value)
    if (found) this.advance()
    return found
  }

  private expect(value: string): void {
    if (!this.takes(value)) throw this.unexpected(value)
  }

  private advance(): void {
    this.token = tokenAt(this.source, this.token.end)
  }

  private made(expr: Expr): Expr {
    let depth = 0
    for (const child of childrenOf(expr)) depth = Math.max(depth, this.depths.get(child) ?? 0)
    if (depth + 1 > limits.depthMax) throw this.tooDeep(expr.at)
    this.depths.set(expr, depth + 1)
    return expr
  }

  private tooDeep(at: number) {
    return failure('tooDeep', at, `the expression is nested deeper than ${limits.depthMax} levels`)
  }

  private unexpected(wanted: string) {
    const { token } = this
    if (token.type === 'end')
      return failure('unexpected', token.at, `it ends where ${wanted} should be`)
    const found = shown(this.source.slice(token.at, token.end))
    const word = token.type === 'name' ? token.value.toLowerCase() : ''
    const meant = Object.hasOwn(wordsMeant, word) ? `write ${wordsMeant[word]}` : undefined
    return failure('unexpected', token.at, `${found} stands where ${wanted} should be`, meant)
  }
}
