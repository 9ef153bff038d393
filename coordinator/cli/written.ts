/**
 * What stages wrote, made safe for a terminal: lines, tabs and colours stay, and nothing else that a
 * terminal would obey. Colours end with their line, so that no stage hides or paints what follows.
 */
const ESCAPE = '\u001b'
const RESET = `${ESCAPE}[0m`
/** The beginning of a colour that the next piece may end. */
const unfinished = new RegExp(`${ESCAPE}(?:\\[[\\d;:]{0,32})?$`)
const colour = new RegExp(`${ESCAPE}\\[[\\d;:]{0,32}m`, 'y')
/** What a terminal obeys, or what turns text around. */
const obeyed = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u

export class Written {
  readonly #colours: boolean
  #held = ''
  #isPainted = false

  /** `colours`: whether there are to be any. */
  constructor(colours: boolean) {
    this.#colours = colours
  }

  /** A piece of the text, cut anywhere. */
  shown(piece: string): string {
    const text = this.#held + piece
    // With the beginning of a colour, one half of a line's end is kept as well.
    const held = unfinished.exec(text)?.[0] ?? (text.endsWith('\r') ? '\r' : '')
    this.#held = held
    return this.#safe(text.slice(0, text.length - held.length))
  }

  /** What is left when no more comes. */
  rest(): string {
    const held = this.#held
    this.#held = ''
    return this.#safe(held) + this.#ended()
  }

  #safe(text: string): string {
    let safe = ''
    const lines = text.replaceAll('\r\n', '\n').replaceAll('\r', '\n')
    for (let at = 0; at < lines.length; ) {
      colour.lastIndex = at
      const painted = colour.exec(lines)?.[0]
      if (painted !== undefined) {
        at += painted.length
        if (!this.#colours) continue
        this.#isPainted = true
        safe += painted
        continue
      }
      const character = String.fromCodePoint(lines.codePointAt(at) as number)
      at += character.length
      if (character === '\n') safe += `${this.#ended()}\n`
      else safe += character !== '\t' && obeyed.test(character) ? '·' : character
    }
    return safe
  }

  #ended(): string {
    const end = this.#isPainted ? RESET : ''
    this.#isPainted = false
    return end
  }
}
