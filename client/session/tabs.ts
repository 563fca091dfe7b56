import type { ClientEndedReason } from '../types.js'

/** What the tabs of one site tell each other. */
export type Message =
  /** A page has learned that its user is signed in. */
  | { readonly type: 'arrived' }
  | { readonly type: 'extended' }
  | { readonly type: 'ended', readonly reason: ClientEndedReason }
  /** A sign-in that was begun from a covered page is done. */
  | { readonly type: 'resumed' }

export interface Tabs {
  post (message: Message): void
  close (): void
}

/** The other tabs of this site; what they say is a hint, never a fact. */
export function joinTabs (endpoint: string, hear: (message: Message) => void): Tabs {
  const channel = new BroadcastChannel(`session-timeout:${endpoint}`)
  // Any script of the site may post there, whatever it likes.
  channel.onmessage = event => hear(Object(event.data))
  return {
    post: message => channel.postMessage(message),
    close: () => channel.close()
  }
}
