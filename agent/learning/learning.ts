/**
 * All that learning is at one agent: what this host remembers, how quick it is, the versions of the
 * model that all hosts have in common, this host's part in rounds, and what it says and is told.
 */
import { registryIn, wanted } from '../../models/registry/versions.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { SpeedGauge } from '../../protocol/ports/speed.ts'
import type { HostFacts } from '../../protocol/ports/telemetry.ts'
import type { ModuleSpec } from '../modules/module.ts'
import type { Calls } from '../requests/calls.ts'
import { Advising } from './advising.ts'
import { Advisor } from './advisor.ts'
import { OwnSpeed } from './host-speed.ts'
import { ownHostOf } from './lesson.ts'
import { ModelStore } from './models.ts'
import { OwnHistory } from './own-history.ts'
import { RoundDesk, type RoundDeskParts } from './round/round-desk.ts'
import { Telling } from './telling.ts'

export interface LearningParts
  extends Pick<RoundDeskParts, 'clock' | 'engine' | 'signer' | 'verify' | 'leads' | 'isHost'> {
  readonly entropy: Entropy
  readonly disk: Disk
  readonly log: Log
  readonly speed: SpeedGauge
  readonly calls: Calls
  /** What this host is called. */
  readonly name: string
  readonly facts: () => HostFacts | undefined
  /** Attempts run here, or wait; or somebody else keeps the host busy. */
  readonly isBusy: () => boolean
  readonly state: () => LedgerState
  /** Other agents that are alive. */
  readonly others: () => PeerId[]
  readonly isCoordinator: (peer: PeerId) => boolean
  /** Whether this agent is one. */
  readonly mayAsk: () => boolean
}

export class Learning {
  /** What attempts were like that have ended here. */
  readonly history: OwnHistory
  /** How quick this host is. */
  readonly speed: OwnSpeed
  /** What all hosts say of theirs. */
  readonly telling: Telling
  /** Versions of the model that all hosts have in common. */
  readonly models: ModelStore
  /** This host's part in learning together. */
  readonly rounds: RoundDesk
  /** What this host says by them, and what all hosts say of them. */
  readonly advisor: Advisor
  readonly advising: Advising

  constructor(parts: LearningParts) {
    const self = parts.signer.id
    const host = () => ownHostOf(parts.facts(), this.speed.known)
    const registry = () => registryIn(parts.state())
    const rows = () => this.history.rows()
    const { calls, isCoordinator, mayAsk, others: peers } = parts
    this.speed = new OwnSpeed(parts)
    this.history = new OwnHistory(parts, host)
    this.models = new ModelStore({ ...parts, wanted: () => wanted(registry()) })
    this.rounds = new RoundDesk({ ...parts, models: this.models, host: parts.name, rows })
    this.advisor = new Advisor({
      ...parts,
      models: this.models,
      self,
      host,
      registry,
      alive: () => [self, ...peers()],
      rows,
    })
    this.history.follower = {
      ended: (row, plain) => this.advisor.ended(row, plain),
      purged: () => {
        this.advisor.purged()
        this.rounds.forget()
      },
    }
    const asking = { calls, self, advisor: this.advisor, isCoordinator, mayAsk, peers }
    this.telling = new Telling({ ...asking, own: this.history })
    this.advising = new Advising({
      ...asking,
      plain: ({ group, task }) => this.history.plain(group, task),
    })
  }

  module(): ModuleSpec {
    return {
      name: 'learning',
      priority: 4,
      needs: [],
      start: async () => {
        await this.history.start()
        await this.models.start()
        this.advisor.start()
        await this.speed.start()
      },
      stop: async () => {
        this.advisor.stop()
        await this.speed.stop()
        await this.rounds.stop()
        await this.history.stop()
      },
    }
  }
}
