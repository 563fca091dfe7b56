import type { RedirectAfterTimeout } from '../../types/index.js'
import { invalidOption } from '../errors.js'
import { isReturnPath } from './return-path.js'
import { refuseUnknown } from './values.js'

/** A {@link RedirectAfterTimeout} with its defaults filled in. */
export type Redirect = Required<RedirectAfterTimeout>

/** An `AfterTimeout` with its defaults filled in. */
export type EndedAnswer = 'continue' | 'unauthorized' | Redirect

/** @throws FST_SESSION_TIMEOUT_INVALID_OPTION */
export function resolveAfterTimeout (option: string, value: unknown): EndedAnswer {
  if (value === 'continue' || value === 'unauthorized') return value
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidOption(option, "'continue', 'unauthorized' or { redirectTo }", value)
  }
  const { redirectTo, returnParam = 'returnTo', reasonParam = 'reason', ...rest } = value as RedirectAfterTimeout
  refuseUnknown(option, rest, ['redirectTo', 'returnParam', 'reasonParam'])
  if (!isReturnPath(redirectTo) && !isHttpUrl(redirectTo)) {
    throw invalidOption(`${option}.redirectTo`, 'a path of this site, percent-encoded where needed, or an http(s) URL', redirectTo)
  }
  for (const [name, param] of Object.entries({ returnParam, reasonParam })) {
    if (param !== false && (typeof param !== 'string' || param === '')) {
      throw invalidOption(`${option}.${name}`, 'the name of a query parameter, or false', param)
    }
  }
  return Object.freeze({ redirectTo, returnParam, reasonParam })
}

function isHttpUrl (value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value)
}
