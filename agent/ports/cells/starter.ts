/**
 * Who starts the programs of cells: a nursery in the first language that is spoken here, or else the
 * agent itself; as another user, held to something, or in a sandbox, where that is asked for.
 */
import type { StageUser } from '../identity.ts'
import { launchDirectly } from './direct.ts'
import { findProgram, type Launch, type Launched, refuseUnlessEntered } from './launch.ts'
import { Nursery, type NurseryLanguage } from './nursery.ts'
import type { Holding } from './privileges.ts'
import { endInside, type Sandbox } from './sandbox.ts'
import type { StageShare } from './stage-share.ts'

type Nurseries = Promise<Nursery | undefined>
type NurseryKind = 'held' | 'free' | 'grouping'

export interface StarterParts {
  readonly languages: readonly NurseryLanguage[]
  readonly share: StageShare
  /** Where that is not the agent's own. */
  readonly user: StageUser | undefined
  readonly sandbox: Sandbox
  readonly holding: Holding
}

export class Starter {
  readonly #parts: StarterParts
  /**
   * The one whose programs gain no privileges, the one for those that must, and the one that puts
   * programs into groups where their user may not.
   */
  readonly #nurseries: Partial<Record<NurseryKind, Nurseries>> = {}
  /** Those that have started something. */
  readonly #born = new Set<Nursery>()
  /** Nurseries that are not ready yet. */
  #opening = 0

  constructor(parts: StarterParts) {
    this.#parts = parts
  }

  async launch(given: Launch): Promise<Launched> {
    const { holding, user } = this.#parts
    const held = holding[given.spec.mayGainPrivileges ? 'free' : 'held']
    if (user !== undefined) refuseUnlessEntered(given.spec, user)
    if (given.spec.sandbox === undefined) return this.#launchHeld(given, held)
    const launched = await this.#launchHeld(this.#sandboxed(given), held)
    return { ...launched, end: launched.end.then(endInside) }
  }

  /** Whether a nursery is on its way that cannot be abandoned yet. */
  get opens(): boolean {
    return this.#opening > 0
  }

  /** Who starts programs. */
  get pids(): ReadonlySet<number> {
    return new Set([...this.#born].flatMap(({ pid }) => pid ?? []))
  }

  /** Every nursery is being killed with all that it has started: others take their places. */
  abandonAll(): void {
    for (const nursery of this.#born) nursery.close()
    this.#born.clear()
  }

  async close(): Promise<void> {
    for (const each of Object.values(this.#nurseries)) (await each)?.close()
  }

  async #launchHeld(launch: Launch, holding: readonly string[]): Promise<Launched> {
    const which = this.#nurseryFor(launch)
    const nursery = await this.#nurseryNow(which)
    if (nursery?.takes(launch)) {
      return nursery.launch(which === 'grouping' ? becoming(holding, launch) : launch)
    }
    const launched = await launchDirectly(launch, holding)
    if (launch.groupDirectory !== undefined) return launched
    return { ...launched, stages: await this.#parts.share.take(launched.pid) }
  }

  #sandboxed(launch: Launch): Launch {
    const { spec } = launch
    findProgram(spec)
    const argv = this.#parts.sandbox.words(spec)
    return { ...launch, spec: { ...spec, argv } }
  }

  /** Only who may write to a control group can enter it. */
  #nurseryFor({ groupDirectory, spec }: Launch): NurseryKind {
    if (this.#parts.user !== undefined && groupDirectory !== undefined) return 'grouping'
    return spec.mayGainPrivileges ? 'free' : 'held'
  }

  /** One that was ended is replaced; where none can be had, that is not tried again. */
  async #nurseryNow(which: NurseryKind): Promise<Nursery | undefined> {
    const { languages, share, holding } = this.#parts
    const nurseries = this.#nurseries
    const before = which === 'grouping' ? [] : holding[which]
    const open = (): Nurseries => {
      this.#opening++
      return Nursery.open(languages, share, before).finally(() => {
        this.#opening--
      })
    }
    nurseries[which] ??= open()
    const opening = nurseries[which]
    const nursery = await opening
    if (nursery?.dead) this.#born.delete(nursery)
    if (nursery?.dead && nurseries[which] === opening) nurseries[which] = open()
    const alive = nursery?.dead ? await nurseries[which] : nursery
    if (alive !== undefined) this.#born.add(alive)
    return alive
  }
}

/** The same program, held to something by one that becomes it. */
function becoming(holding: readonly string[], launch: Launch): Launch {
  const [holder = '', ...words] = [...holding, ...launch.spec.argv]
  return { ...launch, spec: { ...launch.spec, argv: [holder, ...words] } }
}
