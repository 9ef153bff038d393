/**
 * The peer of `skein bench ledger`: a cluster of etcd members on loopback, as Debian packages it,
 * and a plain gRPC client for its `Put`. Members keep their data in a folder of this run.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'

const READY_DEADLINE_MS = 20_000
const STOP_DEADLINE_MS = 5_000

export class EtcdCluster {
  private readonly directory = mkdtempSync(join(tmpdir(), 'skein-bench-etcd-'))
  private readonly members: ChildProcess[] = []
  private addresses: string[] = []

  /** Undefined when etcd is not installed. */
  static async start(count: number): Promise<EtcdCluster | undefined> {
    const cluster = new EtcdCluster()
    try {
      await cluster.run(count)
      return cluster
    } catch (error) {
      await cluster.stop()
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** A client of the leader: a follower would only pass the calls on. */
  async client(): Promise<EtcdClient> {
    const clients = this.addresses.map((address) => new EtcdClient(address))
    const leading = await Promise.all(clients.map((client) => client.isLeader()))
    const leader = clients[leading.indexOf(true)]
    for (const client of clients) if (client !== leader) client.close()
    if (!leader) throw new Error('etcd has no leader')
    return leader
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(ended))
    rmSync(this.directory, { recursive: true, force: true })
  }

  private async run(count: number): Promise<void> {
    const ports = await freePorts(2 * count)
    const urls = ports.map((port) => `http://127.0.0.1:${port}`)
    this.addresses = urls.slice(0, count)
    const cluster = this.addresses.map((_, i) => `m${i}=${urls[count + i]}`).join(',')
    const started = this.addresses.map((address, i) => this.startMember(i, address, cluster))
    await Promise.all(started)
    const deadlineMs = performance.now() + READY_DEADLINE_MS
    while (!(await this.takesWrites())) {
      if (performance.now() > deadlineMs) throw new Error('etcd did not become ready')
    }
  }

  private startMember(i: number, address: string, cluster: string): Promise<void> {
    const peer = cluster.split(',')[i]?.split('=')[1] as string
    const args = [
      ...['--name', `m${i}`, '--data-dir', join(this.directory, `m${i}`)],
      ...['--listen-client-urls', address, '--advertise-client-urls', address],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
      ...['--log-level', 'error', '--quota-backend-bytes', String(4 * 2 ** 30)],
    ]
    const member = spawn('etcd', args, { stdio: 'ignore' })
    this.members.push(member)
    return new Promise((resolve, reject) => {
      member.once('spawn', resolve)
      member.once('error', reject)
    })
  }

  private async takesWrites(): Promise<boolean> {
    try {
      const client = await this.client()
      await client.put('ready', new Uint8Array(1))
      client.close()
      return true
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return false
    }
  }
}

function ended(member: ChildProcess): Promise<void> {
  if (member.pid === undefined || member.exitCode !== null || member.signalCode !== null)
    return Promise.resolve()
  return new Promise((resolve) => {
    const harder = setTimeout(() => member.kill('SIGKILL'), STOP_DEADLINE_MS)
    member.once('exit', () => {
      clearTimeout(harder)
      resolve()
    })
    member.kill('SIGTERM')
  })
}

/** `Put` and `Status` of etcd’s v3 API, over one HTTP/2 connection. */
export class EtcdClient {
  private readonly session: ClientHttp2Session

  constructor(address: string) {
    this.session = connect(address)
    this.session.on('error', () => {})
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.call('/etcdserverpb.KV/Put', [
      [1, Buffer.from(key)],
      [2, value],
    ])
  }

  async isLeader(): Promise<boolean> {
    const status = readNumbers(await this.call('/etcdserverpb.Maintenance/Status', []))
    const header = status.get(1)
    const memberId = header instanceof Uint8Array ? readNumbers(header).get(2) : undefined
    return memberId !== undefined && memberId === status.get(4)
  }

  close(): void {
    this.session.close()
  }

  private call(path: string, fields: readonly [number, Uint8Array][]): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      const chunks: Buffer[] = []
      let status = 'none'
      stream.on('response', (headers) => {
        if (headers['grpc-status'] !== undefined) status = String(headers['grpc-status'])
      })
      stream.on('trailers', (trailers) => {
        status = String(trailers['grpc-status'])
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', reject)
      stream.on('end', () => {
        if (status === '0') resolve(Buffer.concat(chunks).subarray(GRPC_HEADER_BYTES))
        else reject(new Error(`etcd answered ${path} with status ${status}`))
      })
      stream.end(grpcFrame(fields))
    })
  }
}

const GRPC_HEADER_BYTES = 5
const WIRE_BYTES = 2

function grpcFrame(fields: readonly [number, Uint8Array][]): Buffer {
  const parts = fields.flatMap(([number, value]) => [
    Buffer.from([(number << 3) | WIRE_BYTES, ...varint(value.length)]),
    value,
  ])
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(GRPC_HEADER_BYTES)
  header.writeUInt32BE(body.length, 1)
  return Buffer.concat([header, body])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}

/** The number and bytes fields of a protobuf message; enough for `Status`. */
function readNumbers(message: Uint8Array): Map<number, bigint | Uint8Array> {
  const fields = new Map<number, bigint | Uint8Array>()
  let at = 0
  const next = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] ?? 0
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = Number(next())
    const value = next()
    if ((tag & 7) !== WIRE_BYTES) fields.set(tag >>> 3, value)
    else {
      fields.set(tag >>> 3, message.subarray(at, at + Number(value)))
      at += Number(value)
    }
  }
  return fields
}
