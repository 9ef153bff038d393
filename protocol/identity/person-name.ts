/** What people may be called: their names stand in certificates, and in each line that tells of them. */
import { certificateLimits } from './limits.ts'

/** Why nobody can be called so; undefined where somebody can. */
export function faultOfPersonName(name: string): string | undefined {
  if (name.trim() === '') return 'it is empty'
  if (name !== name.trim()) return 'it begins or ends with a space'
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(name)) return 'it has letters that cannot be seen'
  const bytes = Buffer.byteLength(name)
  const { nameBytesMax } = certificateLimits
  return bytes > nameBytesMax ? `it has ${bytes} bytes, and can have ${nameBytesMax}` : undefined
}
