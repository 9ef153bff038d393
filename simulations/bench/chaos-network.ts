/**
 * A network of its own for each agent, joined by one bridge, inside namespaces that vanish with the
 * processes in them: nothing of the machine's own network is touched. A wire is cut for one direction
 * by sending to a station that is not there: packets vanish as behind a firewall that drops, and
 * nobody is told. Only iproute2 is needed.
 */
import { execFileSync } from 'node:child_process'

const BRIDGE = 'skein'
/** Of documentation (RFC 5737): nobody lives there. */
const SUBNET = '192.0.2'
const WATCHER = `${SUBNET}.254`
const NOBODY = '02:00:00:00:ff:ff'

/** Where the agent of this name listens: `n3` at the third address. */
export function hostOf(name: string): string {
  return `${SUBNET}.${numberOf(name)}`
}

/** The words before a command line that is to run in the network of this agent. */
export function within(name: string): readonly string[] {
  return ['ip', 'netns', 'exec', name]
}

export class ChaosNetwork {
  private readonly names: readonly string[]
  private cuts = new Set<string>()

  /** Only inside fresh network and mount namespaces. */
  constructor(names: readonly string[]) {
    this.names = names
    execFileSync('mount', ['-t', 'tmpfs', 'none', '/run'])
    ip('link set lo up')
    ip(`link add ${BRIDGE} type bridge`)
    ip(`addr add ${WATCHER}/24 dev ${BRIDGE}`)
    ip(`link set ${BRIDGE} up`)
    for (const name of names) this.join(name)
    this.apply(names.flatMap((from) => this.peersOf(from).map((to) => [from, to, false] as const)))
  }

  /** Exactly these directions are cut from now on, each as `from>to`. */
  cut(cuts: ReadonlySet<string>): void {
    const changes: [string, string, boolean][] = []
    for (const from of this.names) {
      for (const to of this.peersOf(from)) {
        const wanted = cuts.has(`${from}>${to}`)
        if (wanted !== this.cuts.has(`${from}>${to}`)) changes.push([from, to, wanted])
      }
    }
    this.apply(changes)
    this.cuts = new Set(cuts)
  }

  private peersOf(name: string): string[] {
    return this.names.filter((other) => other !== name)
  }

  private join(name: string): void {
    const outside = `v-${name}`
    ip(`netns add ${name}`)
    ip(`link add ${outside} type veth peer name eth0 address ${stationOf(name)} netns ${name}`)
    ip(`link set ${outside} master ${BRIDGE} up`)
    ip(`-n ${name} addr add ${hostOf(name)}/24 dev eth0`)
    ip(`-n ${name} link set lo up`)
    ip(`-n ${name} link set eth0 up`)
  }

  /** By each host's table of neighbours, which is ours alone to write. */
  private apply(changes: readonly (readonly [string, string, boolean])[]): void {
    for (const from of new Set(changes.map(([from]) => from))) {
      const lines = changes
        .filter((change) => change[0] === from)
        .map(([, to, cut]) => {
          const station = cut ? NOBODY : stationOf(to)
          return `neigh replace ${hostOf(to)} lladdr ${station} dev eth0 nud permanent`
        })
      execFileSync('ip', ['-n', from, '-batch', '-'], { input: `${lines.join('\n')}\n` })
    }
  }
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '))
}

function numberOf(name: string): number {
  return Number(name.slice(1))
}

function stationOf(name: string): string {
  return `02:00:00:00:00:${numberOf(name).toString(16).padStart(2, '0')}`
}
