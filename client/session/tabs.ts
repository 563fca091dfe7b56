import type { ClientEndedReason } from '../types.js'

/** What the tabs of one site tell each other. */
export type Message =
  /** A page has learned that its user is signed in, or that nobody is. */
  | { readonly type: 'arrived' }
  | { readonly type: 'extended' }
  | { readonly type: 'ended', readonly reason: ClientEndedReason }
  /** A sign-in that was begun from a covered page is done. */
  | { readonly type: 'resumed' }

export interface Tabs {
  /** From now on what the others say is heard. */
  listen (): void
  post (message: Message): void
  close (): void
}

/**
 * The other tabs of this site; what they say is a hint, never a fact. Chromium drops every page from its back/forward
 * cache that a message comes to, so pages without a session do not listen: only those need to go that show a user's data.
 */
export function joinTabs (endpoint: string, hear: (message: Message) => void): Tabs {
  let channel: BroadcastChannel | undefined
  return {
    listen () {
      if (channel) return
      channel = open()
      // Any script of the site may post there, whatever it likes.
      channel.onmessage = event => hear(Object(event.data))
    },
    post (message) {
      if (channel) return channel.postMessage(message)
      const once = open()
      once.postMessage(message)
      once.close()
    },
    close: () => channel?.close()
  }

  function open (): BroadcastChannel {
    return new BroadcastChannel(`session-timeout:${endpoint}`)
  }
}
