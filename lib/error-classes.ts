import type {
  SessionEndedError, SessionTimeoutError, SessionTimeoutErrorClass, SessionTimeoutErrorCode
} from '../types/errors.js'
import {
  AlreadyRegisteredError, ClosingError, EndedError, ForbiddenError, InvalidOptionError, NoSessionError, StaleError,
  StoreError
} from './errors.js'

type ClassOf<Code extends SessionTimeoutErrorCode> = SessionTimeoutErrorClass<SessionTimeoutError<Code>>

/** The classes of the plugin's errors, for `error instanceof errors.EndedError` in an error handler. */
export const errors = Object.freeze({
  InvalidOptionError: InvalidOptionError as unknown as ClassOf<'FST_SESSION_TIMEOUT_INVALID_OPTION'>,
  EndedError: EndedError as unknown as SessionTimeoutErrorClass<SessionEndedError>,
  StoreError: StoreError as unknown as ClassOf<'FST_SESSION_TIMEOUT_STORE'>,
  StaleError: StaleError as unknown as ClassOf<'FST_SESSION_TIMEOUT_STALE'>,
  ForbiddenError: ForbiddenError as unknown as ClassOf<'FST_SESSION_TIMEOUT_FORBIDDEN'>,
  NoSessionError: NoSessionError as unknown as ClassOf<'FST_SESSION_TIMEOUT_NO_SESSION'>,
  AlreadyRegisteredError: AlreadyRegisteredError as unknown as ClassOf<'FST_SESSION_TIMEOUT_ALREADY_REGISTERED'>,
  ClosingError: ClosingError as unknown as ClassOf<'FST_SESSION_TIMEOUT_CLOSING'>
})
