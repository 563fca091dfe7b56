import { useState } from 'react'
import { call } from './api.js'

/** Signs in by fetch: no page is left or loaded. In another tab, it gives a page that has ended back to its user. */
export function SignIn ({ onSignedIn }) {
  const [problem, setProblem] = useState('')

  async function signIn (event) {
    event.preventDefault()
    const name = event.target.elements.name.value
    try {
      const { user } = await call('/sign-in', { method: 'POST', body: { name } })
      onSignedIn(user)
    } catch (error) {
      setProblem(error.message)
    }
  }

  return (
    <form onSubmit={signIn}>
      {problem !== '' && <p role='alert'>{problem}</p>}
      <label>Your name <input name='name' required autoComplete='username' /></label>
      <button>Sign in</button>
    </form>
  )
}
