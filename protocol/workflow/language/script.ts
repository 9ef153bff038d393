/**
 * Where in a shell script a value stands: bare, or inside double quotes, or where the shell would
 * put nothing in its place. Values are handed over as variables (see `Script`), so a wrong guess
 * here can break a word in two, but never make code of a value.
 */
import type { Expr } from '../expressions/ast.ts'
import type { Template } from '../expressions/template.ts'
import type { ScriptPart } from '../model.ts'

type Context =
  | { readonly in: 'bare' }
  /** `$( … )` and `` ` … ` ``: bare again, up to the closing sign. */
  | { readonly in: 'command'; readonly closing: ')' | '`' }
  /** `$(( … ))` and `(( … ))`: a shell evaluates what a variable holds there, code included. */
  | { readonly in: 'arithmetic'; depth: number }
  | { readonly in: 'double' }
  | { readonly in: 'single' }
  | { readonly in: 'comment' }
  | { readonly in: 'here'; readonly word: string; readonly quoted: boolean }

export type ReadScript =
  | { readonly ok: true; readonly parts: readonly ScriptPart[] }
  | { readonly ok: false; readonly expr: Expr; readonly why: string; readonly hint: string }

const hereMark = /<<-?[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|\\?([A-Za-z_][A-Za-z0-9_]*))/y

export function readScript(template: Template): ReadScript {
  const reader = new ScriptReader()
  const parts: ScriptPart[] = []
  for (const part of template) {
    if (typeof part === 'string') {
      reader.text(part)
      parts.push(part)
      continue
    }
    const here = reader.context
    if (reader.inArithmetic) {
      const why = 'in arithmetic a shell runs what a value says'
      return { ok: false, expr: part, why, hint: 'compute it in the expression' }
    }
    if (here.in === 'single' || (here.in === 'here' && here.quoted)) {
      const place = here.in === 'single' ? 'inside single quotes' : 'in this here-document'
      const hint =
        here.in === 'single'
          ? 'take double quotes, or close the single ones before it'
          : `write <<${here.word} without quotes`
      return { ok: false, expr: part, why: `${place} a shell puts no value in`, hint }
    }
    reader.value()
    const within = here.in === 'double' || here.in === 'here' ? 'quoted' : 'bare'
    parts.push({ expr: part, within })
  }
  return { ok: true, parts }
}

class ScriptReader {
  private readonly stack: Context[] = [{ in: 'bare' }]
  /** Here-documents that begin with the next line. */
  private waiting: { word: string; quoted: boolean }[] = []
  private line = ''

  get context(): Context {
    return this.stack.at(-1)!
  }

  get inArithmetic(): boolean {
    return this.stack.some((context) => context.in === 'arithmetic')
  }

  /** A value is part of the line that it stands in. */
  value(): void {
    this.line += '\0'
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const character = text[i]!
      if (character === '\n') {
        this.newLine()
        continue
      }
      i += this.character(character, text, i)
      this.line += character
    }
    const { context } = this
    if (context.in === 'here' && this.line.trim() === context.word) this.closeHere(context.word)
  }

  /** How many more characters it took. */
  private character(character: string, text: string, at: number): number {
    const { context } = this
    switch (context.in) {
      case 'here':
        return 0
      case 'comment':
        return 0
      case 'single':
        if (character === "'") this.stack.pop()
        return 0
      case 'arithmetic':
        return this.arithmetic(context, character, text, at)
      case 'double':
        if (character === '"') this.stack.pop()
        return this.opens(character, text, at)
      default:
        return this.bare(context, character, text, at)
    }
  }

  private arithmetic(
    context: Context & { in: 'arithmetic' },
    character: string,
    text: string,
    at: number,
  ): number {
    if (character === '(') context.depth++
    else if (character === ')' && context.depth > 0) context.depth--
    else if (character === ')') {
      this.stack.pop()
      return text[at + 1] === ')' ? 1 : 0
    } else return this.opens(character, text, at)
    return 0
  }

  private bare(context: Context, character: string, text: string, at: number): number {
    if (context.in === 'command' && character === context.closing) {
      this.stack.pop()
      return 0
    }
    if (character === '"') this.stack.push({ in: 'double' })
    else if (character === "'") this.stack.push({ in: 'single' })
    else if (character === '#' && /(^|[\s;&|(])$/.test(this.line))
      this.stack.push({ in: 'comment' })
    else if (character === '<' && text[at + 1] === '<' && text[at + 2] !== '<') {
      return this.here(text, at)
    } else if (text.startsWith('((', at) && /(^|[\s;&|!])$/.test(this.line)) {
      this.stack.push({ in: 'arithmetic', depth: 0 })
      return 1
    } else if (character === '(' && context.in === 'command') {
      this.stack.push({ in: 'command', closing: ')' })
    } else return this.opens(character, text, at)
    return 0
  }

  /** What means the same bare and in double quotes. */
  private opens(character: string, text: string, at: number): number {
    if (character === '\\') {
      if (text[at + 1] === '\n') return 0
      return at + 1 < text.length ? 1 : 0
    }
    if (character === '`') {
      const { context } = this
      if (context.in === 'command' && context.closing === '`') this.stack.pop()
      else this.stack.push({ in: 'command', closing: '`' })
    }
    if (text.startsWith('$((', at)) {
      this.stack.push({ in: 'arithmetic', depth: 0 })
      return 2
    }
    if (character === '$' && text[at + 1] === '(') {
      this.stack.push({ in: 'command', closing: ')' })
      return 1
    }
    return 0
  }

  private here(text: string, at: number): number {
    hereMark.lastIndex = at
    const found = hereMark.exec(text)
    if (found === null) return 1
    const [all, single, double, plain] = found
    const quoted = plain === undefined || all.includes('\\')
    this.waiting.push({ word: (single ?? double ?? plain)!, quoted })
    return all.length - 1
  }

  private newLine(): void {
    const { context, line } = this
    this.line = ''
    if (context.in === 'comment') this.stack.pop()
    if (context.in === 'here' && line.trim() === context.word) this.closeHere(context.word)
    const next = this.waiting[0]
    if (next !== undefined && this.context.in !== 'here' && context.in !== 'single') {
      this.waiting.shift()
      this.stack.push({ in: 'here', ...next })
    }
  }

  private closeHere(word: string): void {
    const { context } = this
    if (context.in === 'here' && context.word === word) this.stack.pop()
  }
}
