import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realPassage } from '../contracts/passage.ts'
import { soon, withHosts } from './hosts.ts'

const { until } = realPassage

// Hosts that dial each other at once are another case; here every second connection is a later one.
const limits = { simultaneousDialMs: 0 }
const purpose = '/skein/test/1'

test('an address is not dialled again while whoever answered there is connected', async () => {
  await withHosts([{ limits }, { limits }], async ([host, friend]) => {
    const address = friend!.addresses()[0]!
    // By a name, which is not among the addresses that a peer announces.
    const name = address.replace('/ip4/127.0.0.1/', '/dns4/localhost/')
    friend!.accept(purpose, (stream) => {
      stream.onFrame = () => {}
    })
    assert.equal(await host!.dial(name, soon()), friend!.self)
    host!.learn(friend!.self, [address])
    const stream = await host!.open(friend!.self, purpose, soon())
    assert.equal(await host!.dial(name, soon()), friend!.self)
    assert.equal(await host!.dial(address, soon()), friend!.self)
    assert.ok(stream.open, 'a second connection would have replaced the one that the stream is on')
  })
})

test('an address is dialled again when whoever answered there has gone', async () => {
  await withHosts([{}, {}], async ([host, friend]) => {
    const address = friend!.addresses()[0]!
    await host!.dial(address, soon())
    host!.disconnect(friend!.self)
    await until('the connection has gone', () => host!.connected().length === 0)
    assert.equal(await host!.dial(address, soon()), friend!.self)
    assert.deepEqual(host!.connected(), [friend!.self])
  })
})
