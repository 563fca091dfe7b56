// The panel beside every page: what has happened in this tab, also on the pages before this one.
const list = document.querySelector('[data-timeline]')
const meter = document.querySelector('[data-meter]')
const key = 'session-timeout-demo'
const most = 12

let entries = read()
let expected = null

render()

const reason = new URLSearchParams(window.location.search).get('reason')
// Where a page was asked for after the end, it is the server that sends one here.
if (reason === 'stale') add('warning', describeEnd(reason))
else if (reason && entries.at(-1)?.kind !== 'ended') add('ended', describeEnd(reason))

// From page.js: an answer of the server said how much time is left.
document.addEventListener('timeleft', ({ detail: { remaining } }) => {
  const now = performance.now()
  const isNews = expected === null || remaining > expected - now + 1500
  // A page that is loaded soon after the last activity extends nothing.
  if (isNews) add('activity', `${expected === null ? 'Page loaded' : 'Activity'}: ${secondsOf(remaining)} left`)
  expected = now + remaining
})
document.addEventListener('sessionwarning', ({ detail: { remaining, canExtend } }) => {
  add('warning', `Warned: ${secondsOf(remaining)} left${canExtend ? '' : ', and no more'}`)
})
document.addEventListener('sessionextended', ({ detail: { remaining } }) => add('activity', `Stayed: ${secondsOf(remaining)} left`))
document.addEventListener('sessionended', ({ detail }) => add('ended', describeEnd(detail.reason)))
document.addEventListener('sessionresumed', () => add('activity', 'Signed in again: the page is back as it was'))

if (meter) setInterval(() => { if (expected !== null) meter.value = Math.max(0, (expected - performance.now()) / 1000) }, 250)

for (const form of document.querySelectorAll('[data-skip]')) {
  const note = form.querySelector('[role=status]')
  form.addEventListener('submit', async event => {
    event.preventDefault()
    // The click itself is an activity, which the page reports: that has to be over.
    note.textContent = 'Hands off for a moment: keys and clicks are you.'
    await new Promise(resolve => { setTimeout(resolve, Number(form.dataset.skip)) })
    note.textContent = ''
    const body = new URLSearchParams({ to: event.submitter?.value ?? 'warning' })
    const response = await fetch(form.action, { method: 'POST', body, headers: { accept: 'application/json' } }).catch(() => undefined)
    if (!response?.ok) return
    const { skipped } = await response.json()
    add('ahead', `Skipped ${secondsOf(skipped)}`)
    // To the client it is as if this page had slept: it asks the server again.
    window.dispatchEvent(new Event('resume'))
  })
}

function add (kind, text) {
  entries = [...entries, { at: Date.now(), kind, text }].slice(-most)
  try {
    sessionStorage.setItem(key, JSON.stringify(entries))
  } catch {
    // Storage may be turned off: then the list begins anew with each page.
  }
  render()
}

function read () {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? []
  } catch {
    return []
  }
}

function render () {
  list.replaceChildren(...entries.toReversed().map(renderEntry))
  if (entries.length > 0) return
  const item = document.createElement('li')
  item.className = 'hint'
  item.textContent = 'Nothing yet: sign in.'
  list.append(item)
}

function renderEntry ({ at, kind, text }) {
  const item = document.createElement('li')
  item.className = kind
  const time = document.createElement('time')
  time.dateTime = new Date(at).toISOString()
  time.textContent = new Date(at).toLocaleTimeString()
  item.append(time, ` ${text}`)
  return item
}

function secondsOf (ms) {
  const seconds = Math.round(ms / 1000)
  return seconds === 1 ? '1 second' : `${seconds} seconds`
}

function describeEnd (reason) {
  const reasons = { idle: 'Ended: no activity', absolute: 'Ended: time limit', 'signed-out': 'Signed out', stale: 'Asked to confirm who it is' }
  return reasons[reason] ?? 'Ended'
}
