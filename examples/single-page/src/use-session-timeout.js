import { useEffect, useState } from 'react'
import { startSessionTimeout } from 'fastify-session-timeout/client'
import { api } from './api.js'

/**
 * The session timeout of the page as React state: `warning` is null, or what is left and whether it can be extended.
 * At the end the client covers the page, by itself. StrictMode mounts twice, and may.
 */
export function useSessionTimeout () {
  const [client, setClient] = useState(null)
  const [warning, setWarning] = useState(null)

  useEffect(() => {
    const started = startSessionTimeout({
      endpoint: `${api}/session-timeout`,
      // The application warns with a dialog of its own.
      dialog: false
    })
    setClient(started)
    const undo = new AbortController()
    const listen = (type, listener) => document.addEventListener(type, listener, { signal: undo.signal })
    listen('sessionwarning', ({ detail }) => setWarning(detail))
    listen('sessionextended', () => setWarning(null))
    listen('sessionended', () => setWarning(null))
    return () => {
      undo.abort()
      started.stop()
    }
  }, [])

  return { client, warning }
}
