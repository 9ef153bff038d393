/** The emergency stop on real agents: what only real processes and real restarts can show. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readIssuer } from '../../coordinator/host/mesh-keys.ts'
import { handOf, StopWord, sayWord } from '../../protocol/estop/word.ts'
import { issueCertificate } from '../../protocol/identity/certificate.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { PersonRole } from '../../protocol/identity/roles.ts'
import { Problem } from '../../protocol/problem.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { StopHand } from '../../simulations/bench/estop-hand.ts'
import { Trees } from '../../simulations/bench/estop-trees.ts'
import { Witness } from '../../simulations/bench/estop-witness.ts'
import { leaderOfAll } from '../../simulations/bench/ledger-mesh.ts'
import { Mesh } from '../../simulations/bench/mesh.ts'
import { MeshRuns } from '../../simulations/bench/mesh-runs.ts'

const NAMES = ['n1', 'n2', 'n3']
const TREES = 6
const WAIT_MS = 120_000
const LOOK_MS = 20

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const untilMs = performance.now() + WAIT_MS
  while (!(await isSo())) {
    assert.ok(performance.now() < untilMs, `waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** Somebody of the mesh with this role, made with the mesh's issuing key. */
function person(mesh: Mesh, role: PersonRole) {
  const issuer = readIssuer(join(mesh.operatorKeyFile, '..', 'issuer.key'))
  const signer = signerFromSeed(new Uint8Array(randomBytes(32)))
  const leaf = issueCertificate(
    {
      mesh: issuer.mesh,
      serial: randomBytes(16).toString('hex'),
      kind: 'person',
      subject: signer.id,
      name: role,
      roles: [role],
      labels: {},
      notBeforeMs: Date.now() - 60_000,
      notAfterMs: Date.now() + 3_600_000,
    },
    issuer.signer,
  )
  return { mesh: issuer.mesh, signer, credential: { leaf, issuer: issuer.certificate } }
}

test('a stop kills on every host, holds after a restart, is believed from nobody without the right, and its release starts nothing', async () => {
  const mesh = await Mesh.start(NAMES.length, { restartPauseMs: 200 })
  const directory = mkdtempSync(join(tmpdir(), 'skein-estop-'))
  const witness = new Witness()
  const trees = new Trees(join(directory, 'trees'), NAMES, witness)
  try {
    await leaderOfAll(mesh)
    const hand = new StopHand(mesh.nodes)
    const runs = new MeshRuns(mesh)
    const { id } = await runs.begin({ workflow: trees.workflow(TREES), group: 'trees' })
    await until(() => trees.begun === TREES, 'all trees')
    await trees.letGo()

    const { word } = await hand.raise('n1', await hand.state('n1'))
    assert.ok(await witness.allDead(NAMES, WAIT_MS), 'every process of every tree is dead')
    await until(async () => {
      const { nodes } = await hand.state('n1', word)
      return nodes.every(({ answer }) => answer === 'done')
    }, 'all to confirm')
    const { nodes } = await hand.state('n1', word)
    assert.equal(
      nodes.reduce((sum, { killed }) => sum + killed, 0),
      TREES,
    )
    await runs.untilNoneGoes('trees', WAIT_MS)
    const ended = (await runs.detail(id)).run
    assert.equal(ended.state, 'cancelled')
    assert.match(ended.reason ?? '', /^emergency stop mesh #1 \(kill\): a measurement/)
    const refusal = await runs
      .begin({ workflow: trees.workflow(1), group: 'refused' })
      .catch((error: unknown) => error)
    assert.ok(refusal instanceof Problem && refusal.code === 'stopped')

    const before = mesh.nodes[1]!.pid
    process.kill(before, 'SIGKILL')
    await until(() => mesh.nodes[1]!.pid !== before, 'another life of n2')
    await until(async () => {
      const state = await hand.state('n2').catch(() => undefined)
      return state?.inForce.length === 1
    }, 'n2, which is stopped still')

    const { mesh: id2, signer, credential } = person(mesh, 'operator')
    const { next } = await hand.state('n1')
    const said = {
      act: 'release',
      mesh: id2,
      scope: { kind: 'mesh' },
      epoch: next.epoch,
      covers: next.covers,
      floor: next.floor,
      reason: 'not mine to say',
      nonce: new Uint8Array(16),
      issuedMs: Date.now(),
    } as const
    const body = sayWord(said)
    const unlawful = { body, hands: [handOf(body, credential, signer)] }
    const forged = { body, hands: [{ credential, signature: new Uint8Array(64) }] }
    for (const wrong of [unlawful, forged]) {
      const answer = await hand.hand('n3', encode(StopWord, wrong)).catch((error: unknown) => error)
      assert.ok(answer instanceof Problem && answer.code === 'refused')
    }
    assert.equal((await hand.state('n3')).inForce.length, 1)

    await hand.release('n3', WAIT_MS)
    await hand.untilInForce(NAMES, 0, WAIT_MS)
    assert.equal((await runs.going('trees')).length, 0)
    assert.equal((await runs.detail(id)).run.state, 'cancelled')
  } finally {
    trees.close()
    witness.close()
    await mesh.stop()
    rmSync(directory, { recursive: true, force: true })
  }
})
