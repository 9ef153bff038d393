/** What stands behind a command's verb, read with a word about what was expected. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Host } from './host.ts'
import type { Command } from './script.ts'
import type { Stage } from './stage.ts'

export class Arguments {
  readonly words: readonly string[]
  private readonly stage: Stage
  private readonly options: Map<string, string>

  constructor(stage: Stage, { words, options }: Command) {
    this.stage = stage
    this.words = words
    this.options = new Map(options)
  }

  word(at: number, what: string): string {
    const word = this.words[at]
    if (word === undefined) throw new Error(`expected ${what}`)
    return word
  }

  host(at: number): Host {
    return this.hostNamed(this.word(at, 'a host'))
  }

  /** The hosts named from there on. */
  hosts(from: number): Host[] {
    return this.words.slice(from).map((name) => this.hostNamed(name))
  }

  /** Names of hosts that need not be there: messages to them are on the wire all the same. */
  addressees(from: number): PeerId[] {
    return this.words.slice(from).map((name) => {
      if (!/^n\d+$/.test(name)) throw new Error(`${name} is no host's name`)
      return name as PeerId
    })
  }

  hostsOrAll(from: number): Host[] {
    return this.words.length > from ? this.hosts(from) : [...this.stage.hosts.values()]
  }

  private hostNamed(name: string): Host {
    const host = this.stage.hosts.get(name as PeerId)
    if (host === undefined) throw new Error(`no host ${name}`)
    return host
  }

  /** `300ms`. */
  milliseconds(at: number): number {
    const word = this.word(at, 'a time, as 300ms')
    const match = /^(\d+)ms$/.exec(word)
    if (match === null) throw new Error(`${word} is no time: write 300ms`)
    return Number(match[1])
  }

  number(at: number, what: string): number {
    return asNumber(this.word(at, what))
  }

  option(name: string): string | undefined {
    const value = this.options.get(name)
    this.options.delete(name)
    return value
  }

  numberOption(name: string): number | undefined {
    const value = this.option(name)
    return value === undefined ? undefined : asNumber(value)
  }

  /** `voters=(1,2)`, by number; undefined when it is not there. */
  peersOption(name: string): PeerId[] | undefined {
    const value = this.option(name)
    if (value === undefined) return undefined
    if (!/^\((\d+(,\d+)*)?\)$/.test(value)) throw new Error(`${name}=${value}: write ${name}=(1,2)`)
    return [...value.matchAll(/\d+/g)].map(([number]) => `n${number}` as PeerId)
  }

  /** A word that means yes when it is there, wherever it stands after the hosts. */
  flag(name: string): boolean {
    return this.option(name) === 'yes'
  }

  /** A misspelt option would otherwise test nothing. */
  assertAllRead(): void {
    for (const name of this.options.keys()) throw new Error(`no option ${name} here`)
  }
}

function asNumber(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || text === '') throw new Error(`${text} is no number`)
  return value
}
