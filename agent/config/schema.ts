/**
 * Every key that an agent can be configured with: the one place that types, environment names,
 * flags, the printed reference and the editors' schema come from, and who may set it. A key is here
 * because some code reads it.
 *
 * Durations arrive in the code as milliseconds, sizes as bytes.
 */

import { limits as membership } from '../../protocol/membership/limits.ts'
import { formatBytes, formatDuration } from '../../protocol/units.ts'
import { storeLimits } from '../artifacts/limits.ts'
import { archivingDefaults, historyDefaults } from '../history/limits.ts'
import { networkLimits } from '../network/limits.ts'
import { logLimits, workDefaults } from '../work/limits.ts'
import { atStart, type Basis, type Key, key, live, own } from './key.ts'
import {
  addresses,
  choice,
  duration,
  hostNames,
  hostPort,
  integer,
  type Kind,
  labels,
  meshId,
  nodeName,
  optionalPath,
  path,
  size,
  toggle,
  userName,
  type ValueOf,
} from './kind.ts'

const oneHost = own('it names one host')
const ownMesh = own('a host of another mesh is no peer')
const ownAddress = own('it is where one host is reached')
const ownPlace = own('it is a place on the disk of one host')
const ownUser = own('users are those of one host')
const ownGuard = own('one person could lower it for all hosts, and then release a stop alone')

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const mebibyte = 2 ** 20
const gibibyte = 2 ** 30

export const schema = {
  node: {
    name: key(
      nodeName,
      { shown: 'the host’s name', from: ({ host }) => host.name },
      'What people call this agent. Should be unique in the mesh; the peer id always is.',
      oneHost,
    ),
    labels: key(
      labels,
      [],
      'Labels that stages and commands select nodes by. Those set later with `skein nodes label` go before these.',
      oneHost,
    ),
  },
  mesh: {
    id: key(
      meshId,
      '',
      'The mesh that this agent is of: the hash of its root key. Whoever is not of it is no peer.',
      ownMesh,
    ),
  },
  dataDirectory: key(
    path,
    { shown: '/var/lib/skein for root, else ~/.local/share/skein', from: defaultDataDirectory },
    'Where the agent keeps all that it must remember. One agent at a time.',
    ownPlace,
  ),
  store: {
    keyFile: key(
      optionalPath,
      '',
      'A key that seals what the store in the data directory holds: a file of 64 hexadecimal digits or of 32 bytes, kept apart from it. A store that is not sealed yet is sealed at the start.',
      ownPlace,
    ),
  },
  network: {
    listen: key(
      addresses('listen'),
      '/ip4/0.0.0.0/tcp/4130',
      'Where other agents connect to this one. Port 0 takes a free one.',
      ownAddress,
    ),
    announce: key(
      addresses('dial'),
      [],
      'Addresses told to others instead of those found out from `listen`, for hosts behind NAT.',
      ownAddress,
    ),
    bootstrap: key(
      addresses('dial'),
      [],
      'Agents to ask for the others, with or without /p2p/ID. Any two or three of the mesh will do.',
      ownAddress,
    ),
    mdns: key(toggle, 'true', 'Find agents on the local network by multicast DNS.', atStart),
    swarmKeyFile: key(
      path,
      { fileName: 'swarm.key' },
      'The key that agents of one mesh share. Without it no connection is made.',
      ownPlace,
    ),
    connectionsMax: key(
      integer('count', 8, 4_096),
      String(networkLimits.connectionsMax),
      'Connections with other agents, at most. New ones beyond it are refused.',
      atStart,
    ),
  },
  api: {
    listen: key(
      hostPort,
      '127.0.0.1:4131',
      'Where the control API answers. Beyond loopback it speaks TLS 1.3, with a certificate of its own that the `skein` of whoever has a key of the mesh believes.',
      ownAddress,
    ),
    names: key(
      hostNames,
      [],
      'Names and addresses by which people ask for this agent, besides the address that they reach, the host’s name and node.name.',
      ownAddress,
    ),
    tlsCertificateFile: key(
      optionalPath,
      '',
      'The certificate that the control API shows instead of its own: PEM, with those that stand between it and its authority. Read again when it changes.',
      ownPlace,
    ),
    tlsKeyFile: key(
      optionalPath,
      '',
      'The key of that certificate: PEM, without a passphrase.',
      ownPlace,
    ),
    metrics: key(
      choice('signedIn', 'loopback'),
      'signedIn',
      'Who may scrape /metrics: whoever may look at the mesh, or also, without a key, any program on this host.',
      atStart,
    ),
  },
  log: {
    level: key(choice('debug', 'info', 'warn', 'error'), 'info', 'The least that is logged.', live),
    format: key(
      choice('auto', 'json', 'pretty'),
      'auto',
      'One JSON object a line, or lines for eyes. `auto` is pretty on a terminal.',
      atStart,
    ),
  },
  telemetry: {
    intervalMin: key(
      duration(200, 10 * second),
      '1s',
      'The shortest time between two samples of the host.',
      live,
    ),
    intervalMax: key(
      duration(200, 10 * second),
      '5s',
      'The longest time between two samples, when little changes.',
      live,
    ),
  },
  membership: {
    probeInterval: key(
      duration(100, 30 * second),
      formatDuration(membership.probeIntervalMs),
      'How often a member is probed. Shorter finds deaths sooner and costs more; use one value in the whole mesh.',
      live,
    ),
  },
  history: {
    retention: key(
      duration(10 * minute, 24 * hour),
      '24h',
      'How long samples are kept on disk for `skein nodes show`.',
      live,
    ),
    runsAge: key(
      duration(hour, 3_650 * day),
      formatDuration(historyDefaults.ageMs),
      'How long runs that have ended are kept on this agent for `skein runs`.',
      live,
    ),
    runsMax: key(
      integer('count', 1_000, 10_000_000),
      String(historyDefaults.runsMax),
      'Ended runs kept on this agent, at most. Beyond it those that ended first go.',
      live,
    ),
    runsBytes: key(
      size(16 * mebibyte, 1_024 * gibibyte),
      formatBytes(historyDefaults.bytesMax),
      'What ended runs may take on disk. Beyond it those that ended first go.',
      live,
    ),
    runsArchiveAfter: key(
      duration(minute, 7 * day),
      formatDuration(archivingDefaults.afterMs),
      'How long ended runs stay in the ledger, before they are only in the agents’ histories. The leader’s value counts.',
      live,
    ),
  },
  estop: {
    releasePeople: key(
      integer('count', 1, 4),
      '1',
      'People who must sign the release of an emergency stop of the whole mesh, each with a key of their own.',
      ownGuard,
    ),
  },
  work: {
    enabled: key(
      toggle,
      String(workDefaults.enabled),
      'Run stages here. Otherwise they are refused, and go to other agents.',
      live,
    ),
    user: key(
      userName,
      '',
      'Whom stages run as: a user of this host. An agent that runs as root should have one set, or its stages can read its keys. Without, they run as the agent’s own user.',
      ownUser,
    ),
    sandbox: key(
      choice('auto', 'always', 'none'),
      'auto',
      'Whether scripts and programs run in a sandbox (bubblewrap): `auto` if they ask for it (`sandbox: true`) and the host has it, `always`, or `none`, and stages that ask are refused.',
      live,
    ),
    directory: key(
      path,
      { fileName: 'work', besideWith: 'work.user' },
      'Where stages work and their logs are kept. With `work.user`, not in the data directory.',
      ownPlace,
    ),
    attemptsMax: key(
      integer('count', 1, 10_000),
      String(workDefaults.attemptsMax),
      'Stages that run at once, at most. Those beyond wait their turn.',
      live,
    ),
    queueMax: key(
      integer('count', 1, 100_000),
      String(workDefaults.queueMax),
      'Stages that wait their turn, at most. Those beyond are refused as busy, and go to other agents.',
      live,
    ),
    killOnStop: key(
      toggle,
      String(workDefaults.killOnStop),
      'End what runs when the agent stops. Otherwise programs run on, and the agent takes them up again when it starts.',
      live,
    ),
    logBytesMax: key(
      size(2 * logLimits.tailBytes, gibibyte),
      formatBytes(workDefaults.logBytesMax),
      'What is kept of one stage’s output. Of more, the beginning and the end are kept.',
      live,
    ),
    logsBytesMax: key(
      size(mebibyte, 1_024 * gibibyte),
      formatBytes(workDefaults.logsBytesMax),
      'What the outputs of all stages may take on disk. Beyond it the oldest go.',
      live,
    ),
    logsAge: key(
      duration(minute, 3_650 * day),
      formatDuration(workDefaults.logsAgeMs),
      'How long the output of a stage is kept.',
      live,
    ),
    containerEngine: key(
      choice('auto', 'podman', 'docker', 'none'),
      'auto',
      'What starts containers. `auto` takes podman, or else docker, if it is there when the agent starts.',
      atStart,
    ),
  },
  artifacts: {
    quota: key(
      size(64 * mebibyte, 1_024 * gibibyte),
      formatBytes(storeLimits.quotaBytes),
      'What files handed on by stages may take on disk. When it is full, those that only archived runs needed go first; then stages fail.',
      live,
    ),
  },
} as const satisfies Table

/** Keys, and sections of keys. */
export interface Table {
  readonly [name: string]: Key<Kind> | { readonly [name: string]: Key<Kind> }
}

type ConfigOf<T> = {
  readonly [N in keyof T]: T[N] extends Key<infer K> ? ValueOf<K> : ConfigOf<T[N]>
}

type LiveIn<T, Above extends string> = {
  [N in keyof T & string]: T[N] extends Key<Kind, infer R>
    ? R extends typeof live
      ? `${Above}${N}`
      : never
    : LiveIn<T[N], `${Above}${N}.`>
}[keyof T & string]

/** Names of the keys that a running agent obeys: each has somebody whom it is told to. */
export type LiveName = LiveIn<typeof schema, ''>

/** What an agent runs with. */
export type Config = ConfigOf<typeof schema>

/** The home of the data when nothing is said. */
function defaultDataDirectory({ env, host }: Basis): string | undefined {
  if (host.superuser) return '/var/lib/skein'
  if (env.XDG_DATA_HOME?.startsWith('/')) return `${env.XDG_DATA_HOME}/skein`
  return env.HOME?.startsWith('/') ? `${env.HOME}/.local/share/skein` : undefined
}
