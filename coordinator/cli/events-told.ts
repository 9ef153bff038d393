/**
 * Events as lines for people. An agent that starts or stops in good order tells of each of its modules,
 * twice: that is one line here, and what goes wrong among them is one of its own. For programs
 * (`--json`) every event stays as it was.
 */
import type { MeshEvent } from '../api/schemas.ts'
import { type Context, document } from './context.ts'
import { clockTime } from './figures.ts'
import { paint, type Style } from './io.ts'
import { EVENTS_HELD_MS } from './limits.ts'
import { plain } from './table.ts'

const styleOf: Record<string, Style> = {
  'node.suspect': 'yellow',
  'node.dead': 'red',
  'node.alive': 'green',
  'node.joined': 'green',
  'module.failed': 'red',
  'module.degraded': 'yellow',
}

/** What an ordinary event of a module is a part of. */
type Course = 'starts' | 'stops'

export class ToldEvents {
  readonly #context: Context
  /** Of one course, the newest event of each module. */
  readonly #held = new Map<string, MeshEvent>()
  #course: Course | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(context: Context) {
    this.#context = context
  }

  take(event: MeshEvent): void {
    if (this.#context.json) return document(this.#context, event)
    const course = courseOf(event)
    if (course === undefined || course !== this.#course) this.flush()
    if (course === undefined) return this.#tell(event.atMs, event.kind, event.text)
    this.#course = course
    this.#held.set(String(event.fields.module), event)
    // Whoever follows hears of it though nothing comes after.
    this.#timer ??= setTimeout(() => this.flush(), EVENTS_HELD_MS)
  }

  /** Nothing more comes, or not soon. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // What has only begun to start or to stop is told of by what comes of it.
    const held = [...this.#held.values()].filter(({ kind }) => ended.includes(kind))
    this.#held.clear()
    this.#course = undefined
    for (const [kind, events] of Map.groupBy(held, (event) => event.kind)) {
      const [first] = events
      const last = events.at(-1)
      if (first === undefined || last === undefined) continue
      const state = kind.slice(PREFIX.length)
      const text = events.length === 1 ? first.text : `${events.length} modules are ${state}`
      this.#tell(last.atMs, kind, text)
    }
  }

  #tell(atMs: number, kind: string, text: string): void {
    const { io } = this.#context
    const name = plain(kind).padEnd(15)
    const style = styleOf[kind]
    const time = paint(io, 'dim', clockTime(atMs))
    io.out(`${time}  ${style ? paint(io, style, name) : name}  ${plain(text)}\n`)
  }
}

const PREFIX = 'module.'
const ended = ['module.ready', 'module.stopped']
/** By nobody’s hand: of a module that somebody stopped, people want to hear. */
const goingDown = [': it is being stopped', ': the agent is stopping']

function courseOf({ kind, text, fields }: MeshEvent): Course | undefined {
  if (kind === 'module.starting') return 'starts'
  if (kind === 'module.ready' && fields.was === 'starting') return 'starts'
  const isGoing = kind === 'module.stopped' || kind === 'module.degraded'
  return isGoing && goingDown.some((why) => text.endsWith(why)) ? 'stops' : undefined
}
