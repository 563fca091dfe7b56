// What the demo's own pages do in the browser. Signing out in time is not in here:
// that is the server's work, and announcing it is the work of /session-timeout/client.js.
import { note, noteActivity, noteEnd, readStory } from './story.js'
import { base, idle, onSkip, serverNow } from './time.js'

const counters = document.querySelectorAll('[data-time-left]')
let endsAt = null

for (const element of document.querySelectorAll('[data-needs-script]')) element.hidden = false

for (const time of document.querySelectorAll('[data-local-time]')) showTime(time, new Date(time.dateTime))

// Somebody has begun to write.
for (const field of document.querySelectorAll('[data-draft]')) field.value = field.dataset.draft

function showTime (element, instant) {
  element.textContent = new Date(instant).toLocaleTimeString()
}

function showTimeLeft () {
  if (endsAt === null) return
  const seconds = Math.max(0, Math.ceil((endsAt - serverNow()) / 1000))
  for (const counter of counters) counter.textContent = String(seconds)
}

// Every answer of the server tells how long the session has left: that to this page, and those to fetch.
const observer = new PerformanceObserver(list => {
  for (const { serverTiming = [], responseStart } of list.getEntries()) {
    const left = serverTiming.find(({ name }) => name === 'session-timeout')
    if (left) learn(left.duration - (performance.now() - responseStart))
  }
})
observer.observe({ type: 'navigation', buffered: true })
observer.observe({ type: 'resource', buffered: true })
setInterval(showTimeLeft, 250)

function learn (remaining) {
  endsAt = serverNow() + remaining
  const lastActivity = endsAt - idle
  for (const time of document.querySelectorAll('[data-local-time=end]')) showTime(time, endsAt)
  for (const time of document.querySelectorAll('[data-local-time=last]')) {
    // Near the limit that nothing puts off, the end says nothing of the last activity.
    if (lastActivity > new Date(time.dateTime)) showTime(time, lastActivity)
  }
  noteActivity(lastActivity)
  noteEnd(endsAt)
  showTimeLeft()
}

document.addEventListener('sessionwarning', ({ detail: { canExtend } }) => {
  note('warning', serverNow(), canExtend ? 'Warned' : 'Warned of the time limit')
})
document.addEventListener('sessionextended', ({ detail: { remaining } }) => learn(remaining))
document.addEventListener('sessionended', ({ detail: { reason } }) => {
  const ends = { idle: 'Signed out: no activity', absolute: 'Signed out: time limit', 'signed-out': 'Signed out' }
  note('ended', (reason !== 'signed-out' && readStory().endsAt) || serverNow(), ends[reason] ?? 'Session over')
})
document.addEventListener('sessionresumed', ({ detail: { remaining } }) => {
  learn(remaining)
  note('resumed', serverNow(), 'The hidden page is back')
})

// The clock was set ahead. The answer, which is no sign of the user, tells this page and the client what is left.
onSkip(() => { if (base === '') ask('/api/news') })

for (const button of document.querySelectorAll('[data-fetch]')) {
  button.addEventListener('click', () => ask(button.dataset.fetch))
}

async function ask (path) {
  const response = await fetch(path, { headers: { accept: 'application/json' } }).catch(() => undefined)
  // Browsers report the timing of a response once its body was read.
  await response?.text()
}

// The form works by itself. With the client's help the other tabs, too, are told at once.
for (const form of document.querySelectorAll('[data-sign-out]')) {
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const { sessionTimeout } = await import('/session-timeout/client.js')
    sessionTimeout.end()
  })
}

// A sign-in that was begun from a covered page: the client tells the other tabs as soon as the server has answered.
if (document.querySelector('[data-close]')) {
  const { sessionTimeout } = await import('/session-timeout/client.js')
  await sessionTimeout.extend()
  setTimeout(() => window.close(), 300)
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
