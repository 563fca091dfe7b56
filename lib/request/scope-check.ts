import type { FastifyInstance } from 'fastify'

/**
 * How many routes have sessions that nothing times: @fastify/session is registered around the scope of the plugin, and
 * they lie outside of it. The router is asked for the names of their hooks, since no instance knows of those outside.
 * @param ownHook the name of the plugin's onRequest hook
 */
export function countRoutesOutside (app: FastifyInstance, ownHook: string): number {
  if (!('decryptSession' in Object.getPrototypeOf(app))) return 0
  let isHead = false
  let count = 0
  for (const line of app.printRoutes({ includeHooks: true }).split('\n')) {
    if (!line.includes('• ')) isHead = line.endsWith('(HEAD)')
    else if (line.includes('• (onRequest)') && !isHead && line.includes('handleSession()') && !line.includes(`${ownHook}()`)) count++
  }
  return count
}
