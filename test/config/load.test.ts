import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { limits } from '../../agent/config/limits.ts'
import { type ConfigInput, loadConfig } from '../../agent/config/load.ts'
import { namedKeys } from '../../agent/config/names.ts'
import type { Config } from '../../agent/config/schema.ts'

const host = { name: 'box-1', superuser: false }
const env = { HOME: '/home/ada', PATH: '/bin' }

function load(input: Partial<ConfigInput>) {
  return loadConfig({ env, flags: {}, host, fileName: 'agent.yaml', ...input })
}

function good(input: Partial<ConfigInput>): Config {
  const loaded = load(input)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.config
}

/** `where why fix`, one line each. */
function mistakes(input: Partial<ConfigInput>): string[] {
  const loaded = load(input)
  assert.ok(!loaded.ok, 'it should have been refused')
  return loaded.problems.map(({ where, why, fix }) => `${where} | ${why} | ${fix}`)
}

test('an agent that is told nothing has a whole configuration', () => {
  assert.deepEqual(good({}), {
    node: { name: 'box-1', labels: {} },
    mesh: { id: '' },
    dataDirectory: '/home/ada/.local/share/skein',
    store: { keyFile: '' },
    network: {
      listen: ['/ip4/0.0.0.0/tcp/4130'],
      announce: [],
      bootstrap: [],
      mdns: true,
      swarmKeyFile: '/home/ada/.local/share/skein/swarm.key',
      connectionsMax: 1024,
    },
    api: {
      listen: { host: '127.0.0.1', port: 4131 },
      names: [],
      tlsCertificateFile: '',
      tlsKeyFile: '',
      metrics: 'signedIn',
    },
    log: { level: 'info', format: 'auto' },
    telemetry: { intervalMin: 1_000, intervalMax: 5_000 },
    membership: { probeInterval: 900 },
    history: {
      retention: 86_400_000,
      runsAge: 90 * 86_400_000,
      runsMax: 100_000,
      runsBytes: 1_073_741_824,
      runsArchiveAfter: 3_600_000,
    },
    estop: { releasePeople: 1 },
    work: {
      enabled: true,
      user: '',
      sandbox: 'auto',
      directory: '/home/ada/.local/share/skein/work',
      attemptsMax: 256,
      queueMax: 4_096,
      killOnStop: false,
      logBytesMax: 16 << 20,
      logsBytesMax: 1 << 30,
      logsAge: 7 * 86_400_000,
      containerEngine: 'auto',
    },
    artifacts: { quota: 20 * 2 ** 30 },
  })
})

test('the data directory is where the user and the system expect it', () => {
  const directory = (input: Partial<ConfigInput>) => good(input).dataDirectory
  assert.equal(directory({ host: { name: 'a', superuser: true } }), '/var/lib/skein')
  assert.equal(directory({ env: { HOME: '/h', XDG_DATA_HOME: '/data' } }), '/data/skein')
  assert.equal(directory({ flags: { dataDirectory: '~/mesh' } }), '/home/ada/mesh')
})

test('the swarm key lies in the data directory, wherever that is', () => {
  assert.equal(
    good({ flags: { 'data-directory': '/srv/n1' } }).network.swarmKeyFile,
    '/srv/n1/swarm.key',
  )
})

test('stages with a user of their own work beside the data directory, which that user cannot enter', () => {
  const directory = (flags: ConfigInput['flags']) => good({ flags }).work.directory
  assert.equal(directory({ dataDirectory: '/srv/n1/', workUser: 'stages' }), '/srv/n1-work')
  assert.equal(directory({ workUser: 'stages', workDirectory: '/srv/w' }), '/srv/w')
  for (const wrong of ['a b', '../x', 'a:b', '-x']) {
    assert.match(mistakes({ flags: { workUser: wrong } })[0] ?? '', /is no name of a user/)
  }
})

test('without a home, the data directory must be said', () => {
  assert.match(
    mistakes({ env: {} })[0]!,
    /default of dataDirectory.*set dataDirectory in the file, \$SKEIN_DATA_DIRECTORY or --data-directory/,
  )
  assert.equal(mistakes({ env: {} }).length, 1, 'what follows from it is not told as well')
  assert.equal(good({ env: { SKEIN_DATA_DIRECTORY: '/srv/n1' } }).dataDirectory, '/srv/n1')
})

test('flags go before the environment, the environment before the file, the file before defaults', () => {
  const fileText =
    'node: { name: from-file }\nlog: { level: warn, format: json }\napi: { listen: "127.0.0.1:1" }'
  const loaded = load({
    fileText,
    env: { ...env, SKEIN_NODE_NAME: 'from-env', SKEIN_LOG_LEVEL: 'error' },
    flags: { nodeName: 'from-flag' },
  })
  assert.ok(loaded.ok)
  assert.equal(loaded.config.node.name, 'from-flag')
  assert.deepEqual(loaded.config.log, { level: 'error', format: 'json' })
  const sources = ['node.name', 'log.level', 'api.listen', 'network.mdns'].map((key) =>
    loaded.sources.get(key),
  )
  assert.deepEqual(sources, ['flag', 'env', 'file', 'default'])
})

test('every key can be set in the file, in the environment and by a flag, to the same effect', () => {
  const samples: Record<string, string> = {
    'node.name': 'n7',
    'node.labels': 'zone=a,rack=1.10',
    dataDirectory: '/srv/n7',
    'network.listen': '/ip4/10.0.0.1/tcp/0,/ip6/::/tcp/4130',
    'mesh.id': 'ab'.repeat(32),
    'network.announce': '/dns4/n7.example/tcp/4130',
    'network.bootstrap': '/ip4/10.0.0.2/tcp/4130,/ip4/10.0.0.3/tcp/4130',
    'network.mdns': 'false',
    'network.swarmKeyFile': '~/key',
    'network.connectionsMax': '64',
    'api.listen': '[::1]:9000',
    'api.metrics': 'loopback',
    'api.names': 'n7.example,10.0.0.7',
    'api.tlsCertificateFile': '~/n7.pem',
    'api.tlsKeyFile': '/etc/n7.key',
    'store.keyFile': '/run/credentials/skein.service/store-key',
    'log.level': 'debug',
    'log.format': 'json',
    'telemetry.intervalMin': '2s',
    'telemetry.intervalMax': '8s',
    'membership.probeInterval': '250ms',
    'history.retention': '12h',
    'history.runsAge': '30d',
    'history.runsMax': '5000',
    'history.runsBytes': '512MiB',
    'history.runsArchiveAfter': '2h',
    'work.enabled': 'false',
    'work.user': 'stages',
    'work.sandbox': 'always',
    'work.directory': '/srv/stages',
    'estop.releasePeople': '2',
    'work.attemptsMax': '8',
    'work.queueMax': '100',
    'work.killOnStop': 'true',
    'work.logBytesMax': '1MiB',
    'work.logsBytesMax': '64GiB',
    'work.logsAge': '30d',
    'work.containerEngine': 'docker',
    'artifacts.quota': '1GiB',
  }
  for (const { name, path, env: variable, flag, key } of namedKeys) {
    const text = samples[name]
    assert.ok(text !== undefined, `${name} has a sample`)
    const parts = text.split(',')
    const inYaml = {
      one: () => text,
      list: () => parts,
      map: () => Object.fromEntries(parts.map((part) => part.split('='))),
    }[key.kind.shape]()
    const file = path.reduceRight<unknown>((value, word) => ({ [word]: value }), inYaml)
    const toggled = text === 'false' ? false : text
    const byFile = good({ fileText: JSON.stringify(file), fileName: 'agent.json' })
    const byEnv = good({ env: { ...env, [variable]: text } })
    assert.deepEqual(byEnv, byFile, name)
    assert.deepEqual(good({ flags: { [flag]: toggled } }), byFile, name)
    assert.notDeepEqual(byFile, good({}), `${name} has an effect`)
  }
})

test('an unknown key is refused where it stands, with the nearest right one', () => {
  const fileText =
    'network:\n  lisen: [/ip4/0.0.0.0/tcp/1]\nnoed: {}\nprobeInterval: 1s\nnetwork.mdns: false\n'
  assert.deepEqual(mistakes({ fileText }), [
    'agent.yaml:2:3 | there is no such key: network.lisen | did you mean network.listen?',
    'agent.yaml:3:1 | there is no such key: noed | did you mean node?',
    'agent.yaml:4:1 | there is no such key: probeInterval | did you mean membership.probeInterval?',
    'agent.yaml:5:1 | network.mdns is no key by itself: sections are not written with dots | write it as network: { mdns: … }',
  ])
  assert.deepEqual(mistakes({ env: { ...env, SKEIN_NOD_NAME: 'x' } }), [
    '$SKEIN_NOD_NAME | there is no such variable | did you mean SKEIN_NODE_NAME?',
  ])
  assert.deepEqual(mistakes({ flags: { netwrokListen: 'x' } }), [
    '--netwrok-listen | there is no such flag | did you mean --network-listen?',
  ])
})

test('all mistakes are told at once, also those in values that are overruled', () => {
  const fileText =
    'node: { name: "a b" }\nlog:\n  level: inof\nmembership: { probeInterval: 500 }\n'
  const told = mistakes({
    fileText,
    env: { ...env, SKEIN_NETWORK_MDNS: 'yes' },
    flags: { logLevel: 'warn', networkConnectionsMax: '3' },
  })
  assert.deepEqual(
    told.map((line) => line.split(' | ').slice(0, 2).join(' ')),
    [
      'agent.yaml:1:15 node.name: "a b" is no name for a node',
      'agent.yaml:3:10 log.level: "inof" is not one of the choices',
      'agent.yaml:4:30 membership.probeInterval: "500" has no unit',
      '$SKEIN_NETWORK_MDNS network.mdns: "yes" is neither true nor false',
      '--network-connections-max network.connectionsMax: "3" is out of range',
    ],
  )
})

test('each wrong element of a list is told at its own place', () => {
  const fileText =
    'network:\n  bootstrap:\n    - /ip4/10.0.0.1/tcp/1\n    - 10.0.0.5:4130\n    - [x]\n    -\n'
  assert.deepEqual(mistakes({ fileText }), [
    'agent.yaml:4:7 | network.bootstrap: "10.0.0.5:4130" is no multiaddr | write it as /ip4/10.0.0.5/tcp/4130',
    'agent.yaml:5:7 | network.bootstrap holds a list where one value should be | write one value',
    'agent.yaml:6:6 | network.bootstrap holds nothing where one value should be | write one value',
  ])
})

test('a value of the wrong shape is refused with the right one', () => {
  assert.deepEqual(
    mistakes({ fileText: 'node: { name: [a], labels: x }\nlog: info\napi: [1]\n' }),
    [
      'agent.yaml:1:15 | node.name takes one value, not a list | write name: <name>',
      'agent.yaml:1:28 | node.labels takes names and values, not a single value | write labels: { name: value }',
      'agent.yaml:2:6 | log holds keys, not a single value | write keys below it: level: …',
      'agent.yaml:3:6 | api holds keys, not a list | write keys below it: listen: …',
    ],
  )
  assert.match(mistakes({ fileText: '- a\n' })[0]!, /^agent.yaml:1:1 \| a configuration holds keys/)
})

test('a section whose keys are all commented out is empty; a key without a value is a mistake', () => {
  assert.deepEqual(good({ fileText: 'network:\n  # mdns: false\n' }), good({}))
  assert.deepEqual(good({ fileText: '' }), good({}))
  assert.deepEqual(good({ fileText: '# nothing\n' }), good({}))
  assert.match(
    mistakes({ fileText: 'node:\n  name:\n' })[0]!,
    /^agent.yaml:2:3 \| node.name has no value/,
  )
})

test('broken YAML is told with its place, once', () => {
  const told = mistakes({ fileText: 'node:\n  name: "a\nlog: {}\n' })
  assert.match(told[0]!, /^agent\.yaml:\d+:\d+ \| .+ \| mend the YAML here$/)
  assert.match(
    mistakes({ fileText: 'log: {}\nlog: {}\n' })[0]!,
    /^agent.yaml:2:1 \| map keys must be unique/,
  )
  assert.match(mistakes({ fileText: 'log: {}\n---\nlog: {}\n' }).join(), /multiple documents/)
  assert.match(
    mistakes({ fileText: 'node: { name: !secret x }\n' })[0]!,
    /^agent.yaml:1:15 \| unresolved tag/,
  )
})

test('what YAML would turn into numbers is taken as written', () => {
  const { labels } = good({
    fileText: 'node: { labels: { rack: 1.10, arm: true, hex: 0x1F, empty: "" } }',
  }).node
  assert.deepEqual(labels, { rack: '1.10', arm: 'true', hex: '0x1F', empty: '' })
})

test('anchors and aliases are followed', () => {
  const fileText = 'network:\n  bootstrap: &seeds [/ip4/10.0.0.1/tcp/1]\n  announce: *seeds\n'
  assert.deepEqual(good({ fileText }).network.announce, ['/ip4/10.0.0.1/tcp/1'])
  assert.match(
    mistakes({ fileText: 'network: &n\n  bootstrap: [*n]\n' })[0]!,
    /holds a section where one value/,
  )
})

test('JSON with tabs, and with a schema for the editor, is read', () => {
  const fileText =
    '{\n\t"$schema": "./skein.schema.json",\n\t"network": {\n\t\t"mdns": false\n\t}\n}\n'
  assert.equal(good({ fileText, fileName: 'agent.json' }).network.mdns, false)
})

test('an address that could never be used is refused, with what was probably meant', () => {
  const listen = (text: string) =>
    mistakes({ flags: { networkListen: text } })[0]!.replace(
      /^--network-listen \| network.listen: /,
      '',
    )
  assert.equal(
    listen('0.0.0.0:4130'),
    '"0.0.0.0:4130" is no multiaddr | write it as /ip4/0.0.0.0/tcp/4130',
  )
  assert.match(listen('/ip4/10.0.0.300/tcp/1'), /has 10.0.0.300 where it needs an IPv4 address/)
  assert.match(listen('/ip4/10.0.0.3/udp/1/quic-v1'), /speaks TCP only/)
  assert.match(listen('/ip4/10.0.0.3/tcp/65536'), /has 65536 where it needs a port/)
  assert.match(listen('/ip4/10.0.0.3/tcp'), /has nothing where it needs a port/)
  assert.match(listen('/dns4/a.example/tcp/1'), /listening needs an address/)
  const bootstrap = (text: string) => mistakes({ flags: { networkBootstrap: text } })[0]!
  assert.match(bootstrap('n1.example:4130'), /write it as \/dns\/n1.example\/tcp\/4130/)
  assert.match(bootstrap('[::1]:4130'), /write it as \/ip6\/::1\/tcp\/4130/)
  assert.match(bootstrap('/ip4/10.0.0.3/tcp/0'), /has 0 where it needs a port/)
  assert.match(bootstrap('/ip4/10.0.0.3/tcp/1/p2p/QmNonsense'), /peer id/)
})

test('a bootstrap address may name its peer', () => {
  const address = '/ip4/10.0.0.3/tcp/1/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
  assert.deepEqual(good({ flags: { networkBootstrap: [address] } }).network.bootstrap, [address])
})

test('the control API listens on a host and a port, and on nothing else', () => {
  const listen = (text: string) => good({ flags: { apiListen: text } }).api.listen
  assert.deepEqual(listen('[::1]:0'), { host: '::1', port: 0 })
  assert.deepEqual(listen('localhost:80'), { host: 'localhost', port: 80 })
  for (const text of [
    '4131',
    ':4131',
    '10.0.0.300:1',
    '::1:80',
    'a b:1',
    '1.2.3.4:',
    'http://a:1',
  ]) {
    assert.equal(mistakes({ flags: { apiListen: text } }).length, 1, text)
  }
})

test('the shortest sampling interval may not exceed the longest, and who wrote it is told where', () => {
  assert.deepEqual(mistakes({ env: { ...env, SKEIN_TELEMETRY_INTERVAL_MIN: '8s' } }), [
    '$SKEIN_TELEMETRY_INTERVAL_MIN | telemetry.intervalMin is 8s, longer than telemetry.intervalMax, which is 5s | make the longest the longer one',
  ])
})

test('a host name that is no name for a node must be replaced by one', () => {
  assert.match(
    mistakes({ host: { name: 'ada’s box', superuser: false } })[0]!,
    /^default of node.name/,
  )
})

test('variables that are ours but configure something else are left alone', () => {
  const others = {
    SKEIN_ADDRESS: '127.0.0.1:4131',
    SKEIN_CONFIG: '/etc/skein.yaml',
    SKEIN_KEY: '/home/ada/operator.key',
    SKEIN_PROFILE: 'work',
    SKEIN_RUN: 'of the stage that starts it',
    SKEIN_SERVICE_HOST: '10.0.0.1',
    SKEIN_PORT_4131_TCP: 'tcp://10.0.0.1:4131',
  }
  assert.deepEqual(good({ env: { ...env, ...others } }), good({}))
})

test('too much of anything is refused by its named limit', () => {
  const labels = (count: number) => Array.from({ length: count }, (_, i) => `l${i}=x`).join(',')
  assert.equal(
    Object.keys(good({ flags: { nodeLabels: labels(limits.labelsMax) } }).node.labels).length,
    limits.labelsMax,
  )
  assert.match(
    mistakes({ flags: { nodeLabels: labels(limits.labelsMax + 1) } })[0]!,
    /has 33 entries/,
  )
  const addresses = Array(limits.addressesMax + 1).fill('/ip4/10.0.0.1/tcp/1')
  assert.match(mistakes({ flags: { networkBootstrap: addresses } })[0]!, /has 65 entries/)
  assert.match(mistakes({ fileText: '#'.repeat(limits.fileLengthMax + 1) })[0]!, /^agent.yaml \|/)
  const wrong = Array.from({ length: 2 * limits.problemsMax }, (_, i) => `wrong${i}: 1`).join('\n')
  assert.equal(mistakes({ fileText: wrong }).length, limits.problemsMax)
})

test('a label given twice on one line is refused', () => {
  assert.match(
    mistakes({ flags: { nodeLabels: ['a=1', 'a=2'] } })[0]!,
    /node.labels.a is given twice/,
  )
})

test('whatever is in the file: it is answered, and never with an exception', () => {
  const words = fc.constantFrom(
    'node',
    'name',
    'labels',
    'network',
    'listen',
    'api',
    ': ',
    '\n',
    '  ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '!t ',
    '"',
    '#',
    '1',
    'x',
    '<<',
    '? ',
    '|',
    '\t',
    '---\n',
  )
  const soup = fc.array(words, { maxLength: 40 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(soup, fc.string(), fc.json()), (fileText) => {
      const loaded = load({ fileText })
      if (!loaded.ok) {
        assert.ok(loaded.problems.length > 0)
        for (const { where } of loaded.problems)
          assert.match(where, /^(agent\.yaml:\d+:\d+|default of)/)
      }
    }),
    { numRuns: 500 },
  )
})
