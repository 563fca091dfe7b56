import { useEffect, useRef, useState } from 'react'

/** The application's own warning, in place of the client's. */
export function Warning ({ remaining, canExtend, onStay }) {
  const dialog = useRef(null)
  const [seconds, setSeconds] = useState(Math.ceil(remaining / 1000))

  useEffect(() => {
    const { current } = dialog
    current.showModal()
    const end = performance.now() + remaining
    const timer = setInterval(() => setSeconds(Math.max(0, Math.ceil((end - performance.now()) / 1000))), 1000)
    return () => {
      clearInterval(timer)
      current.close()
    }
  }, [remaining])

  return (
    <dialog ref={dialog} role='alertdialog' aria-labelledby='warning' onCancel={event => { event.preventDefault(); if (canExtend) onStay() }}>
      <h2 id='warning' tabIndex='-1' autoFocus>Are you still there?</h2>
      <p>You are signed out in {seconds} seconds.</p>
      {canExtend ? <button onClick={onStay}>I am here</button> : <p>Save your work: this session reaches its limit.</p>}
    </dialog>
  )
}
