import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import session from 'express-session'
import sessionFileStore from 'session-file-store'

export const name = 'session-file-store'

const FileStore = sessionFileStore(session)

/** Seconds since the last write: its own figure, above every limit and its grace. */
const ttl = 31 * 24 * 60 * 60

export function create () {
  return new FileStore({ path: process.env.STORE_DIR, ttl, retries: 0, reapInterval: -1, logFn: () => {} })
}

export async function expiresAt (store, id) {
  const json = await readFile(join(process.env.STORE_DIR, `${id}.json`), 'utf8').catch(() => undefined)
  if (json === undefined) return undefined
  const { __lastAccess, cookie } = JSON.parse(json)
  return __lastAccess + (cookie.originalMaxAge || ttl * 1000)
}
