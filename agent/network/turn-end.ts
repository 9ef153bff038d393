/**
 * What is done once for all that was said in a turn of the event loop: first streams hand over what
 * they were given, then connections send what their streams have handed over, so that what several
 * streams of one connection have said leaves together. In the microtask that follows the first word.
 */
type Step = () => void

const streams: Step[] = []
const connections: Step[] = []
let due = false

export function handOver(step: Step): void {
  streams.push(step)
  plan()
}

export function sendOff(step: Step): void {
  connections.push(step)
  plan()
}

function plan(): void {
  if (due) return
  due = true
  queueMicrotask(run)
}

function run(): void {
  try {
    for (let step = next(); step !== undefined; step = next()) step()
  } finally {
    due = false
    // After a step that threw, which is a bug: the others are no part of it.
    if (streams.length + connections.length > 0) plan()
  }
}

function next(): Step | undefined {
  return streams.shift() ?? connections.shift()
}
