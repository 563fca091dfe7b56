import type { Test } from 'tap'
import { startRedis as start } from '../redis.js'
import type { Server } from './server.js'

export async function startRedis (t: Test): Promise<Server | undefined> {
  const redis = await start(t)
  return redis && { url: redis.url, kill: redis.kill, start: redis.restart }
}
