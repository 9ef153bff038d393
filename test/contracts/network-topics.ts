/** What every network promises of topics: everyone hears, once, and knows who spoke. */
import assert from 'node:assert/strict'
import type { Network, TopicMessage } from '../../protocol/ports/network.ts'
import { accepting, echo, type NetworkSubject, open } from './network-subject.ts'
import { promising } from './promise.ts'

export function topicContract(
  name: string,
  make: () => Promise<NetworkSubject> | NetworkSubject,
): void {
  const it = promising(name, make)

  it('what is published reaches all who subscribe, also through others, and names its origin', async (subject) => {
    const [a, b, c] = subject.hosts
    const heard = subject.hosts.map((host) => listening(host, subject.topic))
    await inLine(subject)
    await publishUntil(subject, a, () => heard[1]!.length > 0 && heard[2]!.length > 0)
    assert.deepEqual(a.connected().includes(c.self), false)
    for (const messages of [heard[1]!, heard[2]!]) {
      for (const message of messages) {
        assert.equal(message.from, a.self)
        assert.equal(message.topic, subject.topic)
        assert.equal(new TextDecoder().decode(message.data).slice(0, 5), 'word ')
      }
    }
    assert.ok(b.connected().length === 2)
  })

  it('nobody hears a message twice, and nobody hears itself', async (subject) => {
    const heard = subject.hosts.map((host) => listening(host, subject.topic))
    await inLine(subject)
    // A ring now: every message comes to everyone by two ways.
    const [a, , c] = subject.hosts
    await open(subject, a, c, echo)
    await publishUntil(subject, a, () => heard[1]!.length > 2 && heard[2]!.length > 2)
    await subject.advance(300)
    assert.equal(heard[0]!.length, 0)
    for (const messages of heard) {
      const texts = messages.map(({ data }) => new TextDecoder().decode(data))
      assert.equal(new Set(texts).size, texts.length, texts.join())
    }
  })

  it('who does not subscribe hears nothing', async (subject) => {
    const [a, b] = subject.hosts
    const heard = listening(b, subject.topic)
    await inLine(subject)
    await publishUntil(subject, a, () => heard.length > 0)
    assert.equal(heard[0]!.from, a.self)
  })
}

function listening(host: Network, topic: string): TopicMessage[] {
  const heard: TopicMessage[] = []
  host.subscribe(topic, (message) => void heard.push(message))
  return heard
}

/** The first knows the second, the second the third. */
async function inLine(subject: NetworkSubject): Promise<void> {
  const [a, b, c] = subject.hosts
  accepting(b, echo)
  accepting(c, echo)
  await open(subject, a, b, echo)
  await open(subject, b, c, echo)
}

/** No promise is made that any message arrives, so words are said until they do. */
async function publishUntil(
  subject: NetworkSubject,
  from: Network,
  done: () => boolean,
): Promise<void> {
  for (let word = 0; word < 100 && !done(); word++) {
    from.publish(subject.topic, new TextEncoder().encode(`word ${word}`))
    await subject.advance(100)
  }
  assert.ok(done(), 'the words were not heard')
}
