import type { ServerResponse } from 'node:http'

/** The headers of a response as they are about to leave. */
export interface Head {
  get (name: string): unknown
  /** Undefined removes the header. */
  set (name: string, value: string | string[] | undefined): void
}

type WriteHead = (...values: unknown[]) => unknown

const revised = Symbol('fastify-session-timeout.revised')

/**
 * Calls `revise` when the headers of a response are written: what any hook has put in by then is there, and no hook
 * comes after. An onSend hook of a plugin that is registered later runs after ours, and may change everything.
 */
export function beforeHead (raw: ServerResponse, revise: (head: Head) => void): void {
  const response = raw as ServerResponse & { [revised]?: true }
  // The response to an error passes the onSend hooks a second time.
  if (response[revised]) return
  response[revised] = true
  const writeHead = raw.writeHead as WriteHead
  raw.writeHead = function writeRevisedHead (...values: unknown[]) {
    // Fastify hands its own over, by name; for a stream it has set them before.
    const given = values.findLast(value => typeof value === 'object' && value !== null) as Record<string, unknown> | undefined
    revise({
      get: name => given?.[name] ?? raw.getHeader(name),
      set (name, value) {
        delete given?.[name]
        if (value === undefined) raw.removeHeader(name)
        else raw.setHeader(name, value)
      }
    })
    return writeHead.apply(raw, values)
  } as typeof raw.writeHead
}
