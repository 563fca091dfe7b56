import type { ClientEndedReason, ClientSettings } from '../types.js'

/** Where the user goes when the session is over. */
export interface Leaving {
  /** To the sign-in page, if there is one. */
  leave (reason: ClientEndedReason): void
  /**
   * The user wants to sign in. `stay`: this page has something to keep.
   * @returns where to go, when the browser does not let a tab open
   */
  signIn (reason: ClientEndedReason | null, stay: boolean): URL | null
}

export function createLeaving ({ redirectTo, returnParam, reasonParam }: ClientSettings, endpoint: URL): Leaving {
  let tried = false
  return {
    leave (reason) {
      if (!redirectTo) return
      tried = true
      location.replace(signInUrl(redirectTo, location.pathname + location.search + location.hash, reason))
    },
    signIn (reason, stay) {
      // Still here: the user has told the browser not to leave.
      if (stay || tried) return openTab(redirectTo ? signInUrl(redirectTo, `${endpoint.pathname}/resumed`, reason) : new URL(location.href))
      location.reload()
      return null
    }
  }

  function signInUrl (to: string, back: string, reason: ClientEndedReason | null): URL {
    const url = new URL(to, location.href)
    if (returnParam) url.searchParams.set(returnParam, back)
    if (reasonParam && reason) url.searchParams.set(reasonParam, reason)
    return url
  }
}

/** A tab that scripts have opened may close itself; another site's must not get hold of this page. */
function openTab (url: URL): URL | null {
  const tab = window.open(url, '_blank')
  if (!tab) return url
  if (url.origin !== location.origin) tab.opener = null
  return null
}
