/** A workflow that has been read and not yet judged as a whole: what all checks look at. */
import type { Graph } from '../graph/graph.ts'
import type { WrittenWorkflow } from '../language/workflow.ts'
import type { Hint, MistakeCode, Mistakes, Path } from '../mistake.ts'
import type { Section, Stage } from '../model.ts'
import type { ExpressionSite } from '../shape/shape.ts'
import { type Located, nodeAt, placeOf } from '../source/located.ts'

/** Whatever the value is, the key should not be there. */
const aboutKeys: readonly MistakeCode[] = ['meaningless', 'stepKind', 'duplicateKey']

export class Draft {
  readonly written: WrittenWorkflow
  readonly stages: readonly Stage[]
  readonly graph: Graph
  /** Undefined when the needs go round in circles. */
  readonly order: Int32Array | undefined
  readonly sites: readonly ExpressionSite[]
  readonly text: string
  readonly mistakes: Mistakes
  private readonly root: Located
  private readonly indexes: ReadonlyMap<string, number>

  constructor(parts: {
    written: WrittenWorkflow
    stages: readonly Stage[]
    graph: Graph
    order: Int32Array | undefined
    sites: readonly ExpressionSite[]
    text: string
    root: Located
    mistakes: Mistakes
  }) {
    this.written = parts.written
    this.stages = parts.stages
    this.graph = parts.graph
    this.order = parts.order
    this.sites = parts.sites
    this.text = parts.text
    this.root = parts.root
    this.mistakes = parts.mistakes
    this.indexes = new Map(parts.stages.map(({ name }, i) => [name, i]))
  }

  hasName(name: string): boolean {
    return this.indexes.has(name)
  }

  names(): Iterable<string> {
    return this.indexes.keys()
  }

  indexOf(name: string): number | undefined {
    return this.indexes.get(name)
  }

  stage(name: string): Stage | undefined {
    const index = this.indexes.get(name)
    return index === undefined ? undefined : this.stages[index]
  }

  /** The keys that stand there, whether they could be read or not. */
  keysAt(path: Path): readonly string[] {
    const node = nodeAt(this.root, path)
    return node?.kind === 'map' ? node.entries.map(({ key }) => key) : []
  }

  refuse(code: MistakeCode, path: Path, message: string, hint?: Hint): void {
    const at = aboutKeys.includes(code) ? 'key' : 'value'
    this.mistakes.add(code, () => placeOf(this.root, path, at), path, message, hint)
  }
}

export function stagePath({ section, name }: { section: Section; name: string }): Path {
  return [section, name]
}
