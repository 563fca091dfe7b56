import type { FastifyReply } from 'fastify'

/** What was decided about a response before it is written. */
interface ResponseNotes {
  /** The browser keeps the cookie that it has: nothing is sent that clears it. */
  readonly keepCookie: boolean
  /** The response is for everybody: it carries no session cookie, and tells no time left. */
  readonly shared: boolean
  /** The time left as the response's header has it by now. */
  readonly metric: string | undefined
}

const notesKey = Symbol('fastify-session-timeout.notes')

type WithNotes = FastifyReply & { [notesKey]?: ResponseNotes }

const none: ResponseNotes = Object.freeze({ keepCookie: false, shared: false, metric: undefined })

export function notesOf (reply: FastifyReply): ResponseNotes {
  return (reply as WithNotes)[notesKey] ?? none
}

export function note (reply: FastifyReply, notes: Partial<ResponseNotes>): void {
  (reply as WithNotes)[notesKey] = { ...notesOf(reply), ...notes }
}
