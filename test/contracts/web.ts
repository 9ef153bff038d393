/** What every `Web` promises, with two servers of which one never answers. */
import assert from 'node:assert/strict'
import { type Web, WebError, type WebErrorCode, type WebRequest } from '../../protocol/ports/web.ts'
import { outcome, rejection, type Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface WebSubject extends Subject {
  web: Web
  /** Answers as `answers` says. */
  origin: string
  silentOrigin: string
  /** Nobody listens there. */
  nobodysOrigin: string
}

/** What the server does, by path; `/echo` tells what it was sent. */
export const answers: Record<
  string,
  { status: number; headers: Record<string, string>; body: string }
> = {
  '/hello': { status: 200, headers: { 'x-kind': 'greeting' }, body: 'hello' },
  '/broken': { status: 500, headers: {}, body: 'not today' },
  '/moved': { status: 302, headers: { location: '/hello' }, body: '' },
  '/big': { status: 200, headers: {}, body: 'x'.repeat(300_000) },
}

export function webContract(name: string, make: () => Promise<WebSubject> | WebSubject): void {
  const it = promising(name, make)

  it('an answer is its status, its headers and its body', async (subject) => {
    const answer = await request(subject, {}, '/hello')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['x-kind'], 'greeting')
    assert.equal(Buffer.from(answer.body).toString(), 'hello')
    assert.equal(answer.cut, false)
  })

  it('an answer that tells of an error is an answer', async (subject) => {
    const answer = await request(subject, {}, '/broken')
    assert.deepEqual([answer.status, Buffer.from(answer.body).toString()], [500, 'not today'])
  })

  it('method, headers and body are sent', async (subject) => {
    const sent = { method: 'PUT', headers: { 'x-mine': 'yes' }, body: 'süß' }
    const answer = await request(subject, sent, '/echo')
    assert.equal(Buffer.from(answer.body).toString(), 'PUT yes süß')
  })

  it('a redirect is an answer, and is not followed', async (subject) => {
    const answer = await request(subject, {}, '/moved')
    assert.equal(answer.status, 302)
    assert.equal(answer.headers.location, '/hello')
  })

  it('of a long answer no more is read than was asked for', async (subject) => {
    const cut = await request(subject, { bodyBytesMax: 299_999 }, '/big')
    assert.deepEqual([cut.body.length, cut.cut], [299_999, true])
    const whole = await request(subject, { bodyBytesMax: 300_000 }, '/big')
    assert.deepEqual([whole.body.length, whole.cut], [300_000, false])
  })

  it('where nobody listens is unreachable', async (subject) => {
    await refused(subject, { url: `${subject.nobodysOrigin}/hello` }, 'unreachable')
  })

  it('what is no address of a web server is a bad request', async (subject) => {
    for (const url of ['no address', 'ftp://127.0.0.1/file', 'file:///etc/passwd']) {
      await refused(subject, { url }, 'badRequest')
    }
  })

  it('a request can be given up', async (subject) => {
    const controller = new AbortController()
    const url = `${subject.silentOrigin}/hello`
    const asked = subject.web.request({ ...plain, url }, controller.signal)
    await subject.advance(20)
    controller.abort()
    const error = await rejection(subject, 'the request', asked)
    assert.ok(error instanceof WebError)
    assert.equal(error.code, 'aborted')
    await refused(subject, { url }, 'aborted', AbortSignal.abort())
  })
}

const plain = { method: 'GET', headers: {}, bodyBytesMax: 1_000_000 }
const forever = new AbortController().signal

function request(subject: WebSubject, partial: Partial<WebRequest>, path: string) {
  const whole = { ...plain, url: `${subject.origin}${path}`, ...partial }
  return outcome(subject, `answer to ${path}`, subject.web.request(whole, forever))
}

async function refused(
  subject: WebSubject,
  partial: Partial<WebRequest> & Pick<WebRequest, 'url'>,
  code: WebErrorCode,
  signal: AbortSignal = forever,
): Promise<void> {
  const asked = subject.web.request({ ...plain, ...partial }, signal)
  const error = await rejection(subject, partial.url, asked)
  assert.ok(error instanceof WebError)
  assert.equal(error.code, code)
}
