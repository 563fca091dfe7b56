// What the demo's own pages do in the browser. Signing out in time is not in here:
// that is the server's work, and announcing it is the work of /session-timeout/client.js.

const clocks = document.querySelectorAll('[data-time-left]')
let endsAt = null

for (const element of document.querySelectorAll('[data-needs-script]')) element.hidden = false

for (const time of document.querySelectorAll('[data-local-time]')) time.textContent = new Date(time.dateTime).toLocaleTimeString()

function showTimeLeft () {
  if (endsAt === null) return
  const seconds = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000))
  for (const clock of clocks) clock.textContent = String(seconds)
}

// Every answer of the server tells how long the session has left: that to this page, and those to fetch.
const observer = new PerformanceObserver(list => {
  for (const { serverTiming = [], responseStart } of list.getEntries()) {
    const left = serverTiming.find(({ name }) => name === 'session-timeout')
    if (!left) continue
    endsAt = responseStart + left.duration
    document.dispatchEvent(new CustomEvent('timeleft', { detail: { remaining: endsAt - performance.now() } }))
  }
  showTimeLeft()
})
observer.observe({ type: 'navigation', buffered: true })
observer.observe({ type: 'resource', buffered: true })
setInterval(showTimeLeft, 1000)

for (const button of document.querySelectorAll('[data-fetch]')) {
  button.addEventListener('click', async () => {
    const response = await fetch(button.dataset.fetch, { headers: { accept: 'application/json' } }).catch(() => undefined)
    // Browsers report the timing of a response once its body was read.
    await response?.text()
  })
}

// The form works by itself. With the client's help the other tabs, too, are told at once.
const client = import('/session-timeout/client.js').catch(() => ({}))
for (const form of document.querySelectorAll('[data-sign-out]')) {
  const { sessionTimeout } = await client
  if (sessionTimeout) {
    form.addEventListener('submit', event => {
      event.preventDefault()
      sessionTimeout.end()
    })
  }
}

for (const ticker of document.querySelectorAll('[data-poll]')) {
  let polls = 0
  ticker.textContent = 'Waiting for the first answer…'
  const timer = setInterval(poll, Number(ticker.dataset.every))
  poll()

  async function poll () {
    try {
      const response = await fetch(ticker.dataset.poll, { headers: { accept: 'application/json' } })
      if (!response.ok) return clearInterval(timer)
      const { time } = await response.json()
      polls++
      ticker.textContent = `It is ${new Date(time).toLocaleTimeString()} at the server. Asked ${polls === 1 ? 'once' : `${polls} times`}.`
    } catch {
      ticker.textContent = 'The server does not answer.'
    }
  }
}
