import { look } from '../mesh/looking.ts'
import { attackNames } from './attack-kinds.ts'
import { Children } from './children.ts'
import { targetOf } from './fuzz-attack.ts'
import { cpuMs } from './idle.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
const mesh = await Mesh.start(5)
const counts = async (node: any) => { const text = await (await look(node, '/metrics')).text(); return Object.fromEntries([...text.matchAll(/^skein_(?:api_)?refused\{reason="(\w+)"\} (\S+)/gm)].map(([, w, n]) => [w, Number(n)])) }
try {
  const names = process.argv[2] ? process.argv[2].split(',') : attackNames
  for (const attack of names as any[]) {
    const leader = await leaderOfAll(mesh)
    const victim = mesh.nodes.find((n) => n.name === leader.name)!
    const { swarmKey, ...rest } = await targetOf(mesh, victim, mesh.nodes.find((n) => n.name !== leader.name)!)
    const attacker = new Children<any, any>('attack-attacker.ts', 1, { target: { ...rest, swarmKey: Buffer.from(swarmKey).toString('base64') }, attack, seed: attack })
    const share = async (ms: number) => { const [t, c] = [performance.now(), cpuMs(victim.pid)]; await mesh.rest(ms); return (100 * (cpuMs(victim.pid) - c) / (performance.now() - t)).toFixed(1) }
    const idle = await share(4000)
    const before = await counts(victim)
    attacker.tell('strike')
    const s1 = await share(4000)
    const mid = await counts(victim)
    const s2 = await share(8000)
    const after = await counts(victim)
    attacker.tell('rest')
    const [news] = await attacker.until(([o]) => o !== undefined, 120000)
    await attacker.stop()
    const delta = (a: any, b: any) => Object.keys(b).map((k) => [k, b[k] - (a[k] ?? 0)]).filter(([, n]) => (n as number) > 0).map((p) => p.join(' ')).join(', ')
    console.log(`${attack}: idle ${idle}%, first 4 s ${s1}%, then ${s2}%; sent ${news.sent}, attacker ${Math.round(news.cpuMs / 120)}%\n   first: ${delta(before, mid)}\n   then: ${delta(mid, after)}`)
  }
} finally { await mesh.stop() }
process.exit()
