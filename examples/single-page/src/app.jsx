import { useEffect, useState } from 'react'
import { call } from './api.js'
import { SignIn } from './sign-in.jsx'
import { useSessionTimeout } from './use-session-timeout.js'
import { Warning } from './warning.jsx'

export function App () {
  const [user, setUser] = useState(null)
  const [asked, setAsked] = useState(false)

  useEffect(() => {
    call('/me').then(({ user }) => setUser(user), () => setUser(null)).finally(() => setAsked(true))
  }, [])

  if (!asked) return null
  return (
    <main>
      {user === null
        ? <><h1>Welcome</h1><SignIn onSignedIn={setUser} /></>
        : <Account user={user} onSignedOut={() => setUser(null)} />}
    </main>
  )
}

function Account ({ user, onSignedOut }) {
  const { client, warning } = useSessionTimeout()
  const [saved, setSaved] = useState('')

  async function save (event) {
    event.preventDefault()
    const { length } = await call('/letter', { method: 'POST', body: { letter: event.target.elements.letter.value } })
    setSaved(`Saved ${length} characters.`)
  }

  return (
    <>
      <h1>Hello, {user}</h1>
      {/* What is not saved survives the end: the page stays covered, as it is, until this user is back. */}
      <form onSubmit={save} data-session-timeout-keep>
        <label>Letter <textarea name='letter' rows='6' /></label>
        <button>Save</button> <span role='status'>{saved}</span>
      </form>
      <p><button onClick={() => client.end().then(onSignedOut)}>Sign out</button></p>
      {warning !== null && <Warning {...warning} onStay={() => client.extend()} />}
    </>
  )
}
