import type { Messages } from '../types.js'

export const english: Messages = {
  title: 'Your session ends soon',
  warning: 'For your security, you will be signed out in {time}.',
  limit: 'Your session ends in {time}. Please save your work.',
  stay: 'Stay signed in',
  signOut: 'Sign out now',
  signIn: 'Sign in again',
  renew: 'Sign out and in again',
  dismiss: 'Continue working',
  checking: 'Checking your session',
  silent: 'The server does not answer. Please check your connection.',
  retry: 'Try again',
  ended: 'You are signed out',
  idle: 'We signed you out because you were away.',
  absolute: 'Your session reached its time limit.',
  missing: 'Your session is over.',
  signedOut: 'You have signed out.',
  endedText: 'For your security, this page is not shown.',
  kept: 'What you entered is safe. Sign in as the same user to get it back.',
  lost: 'What you had not saved is lost.'
}

/** Those with a file of their own, in languages/. */
export const languages: readonly string[] = ['da', 'de', 'es', 'fr', 'it', 'ja', 'nl', 'pl', 'pt', 'sv']

/** What is said, and in which language: a tag that Intl knows. */
export interface Words {
  readonly messages: Messages
  readonly locale: string
}

/** A wrong tag such as `en_US` must not stop the warning, which Intl would by throwing. */
export function readLocale (tag: string): Intl.Locale {
  try {
    return new Intl.Locale(tag.replace('_', '-'))
  } catch {
    return new Intl.Locale('en')
  }
}

/** Whole minutes until the last one, then seconds, with the plurals of the language; from 1 second up. */
export function formatTime (seconds: number, locale: string): string {
  const [value, unit] = seconds < 60 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute']
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
}

/** Whether a screen reader is told: at each full minute, then at 40 and 20 seconds. */
export function isMilestone (seconds: number): boolean {
  return seconds % 60 === 0 || seconds === 40 || seconds === 20
}
