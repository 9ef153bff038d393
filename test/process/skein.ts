/** Runs the program as a person would, without a terminal. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const launcher = fileURLToPath(new URL('../../coordinator/skein.js', import.meta.url))

export interface Ran {
  code: number | null
  out: string
  err: string
}

export function runSkein(...args: string[]): Promise<Ran> {
  return runSkeinIn({}, ...args)
}

export function runSkeinIn(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> {
  return runSkeinAt(process.cwd(), env, ...args)
}

/** In that folder. */
export function runSkeinAt(
  cwd: string,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [launcher, ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
  })
}
