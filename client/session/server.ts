import { instant, type Instant } from '../clock.js'

/** What GET and POST answer. Ms, always relative; null for no such limit. */
export interface Status {
  readonly active: boolean
  readonly remaining: number | null
  readonly idleRemaining: number | null
  readonly warnBefore: number
  readonly canExtend: boolean
  readonly ended: 'idle' | 'absolute' | 'missing' | null
  /** Whether the user who is signed in is the one of the page that asks. */
  readonly yours: boolean
  /** A tag for a page that has none. */
  readonly page: string | null
}

export interface Answer {
  /** When it was asked for. */
  readonly at: Instant
  /** The HTTP status; 401 also where a guard sends visitors to its sign-in page; 0 for none. */
  readonly code: number
  /** Only where the answer is one. */
  readonly status?: Status | undefined
}

export type Method = 'GET' | 'POST' | 'DELETE'

export type Call = (method: Method, page: string | null, body?: { idleFor: number }) => Promise<Answer>

// A network that drops everything would leave a call without an answer for minutes.
const callTimeout = 10_000

/** @param endpoint its whole URL */
export function createCall (endpoint: string): Call {
  return async function call (method, page, body) {
    const at = instant()
    try {
      const response = await fetch(page !== null ? `${endpoint}?page=${encodeURIComponent(page)}` : endpoint, {
        method,
        cache: 'no-store',
        // Who is not signed in may be sent to a page that has nothing to do with the status.
        redirect: 'manual',
        credentials: 'include',
        headers: {
          accept: 'application/json',
          // Should this be the address of something else, asking there is to be no sign of the user.
          ...(method === 'GET' && { purpose: 'prefetch' }),
          ...(body && { 'content-type': 'application/json' })
        },
        // Missing in Chrome before 103.
        signal: AbortSignal.timeout?.(callTimeout) ?? null,
        body: body ? JSON.stringify(body) : null
      })
      const code = response.type === 'opaqueredirect' ? 401 : response.status
      const status: unknown = code === 200 && await response.json().catch(() => null)
      return { at, code, status: isStatus(status) ? status : undefined }
    } catch {
      return { at, code: 0 }
    }
  }
}

function isStatus (body: unknown): body is Status {
  const { active, yours, remaining, warnBefore } = Object(body)
  return typeof yours === 'boolean' && typeof warnBefore === 'number' && (active === false || (active === true && (remaining === null || remaining > 0)))
}
