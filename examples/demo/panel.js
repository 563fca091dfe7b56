// The panel beside every page: the clock, which can be set ahead, and the time line.
import { clearStory, note, noteEnd, noteSkip, onStory, readStory } from './story.js'
import { base, ends, idle, onSkip, serverNow, skipAll, warn } from './time.js'

const list = document.querySelector('[data-timeline]')
const latest = document.querySelector('[data-latest]')
const form = document.querySelector('[data-skip]')
const clock = document.querySelector('[data-clock]')
// Somebody is setting the clock.
let held = false
let soon

// In a frame of the start page, which has one: browsers on http elsewhere than on this machine do not tell the server.
if (window.top !== window) list.closest('aside').remove()

// Where there is no room beside the page it is a bar: the list opens above it.
list.closest('details').open = !window.matchMedia('(max-width: 75.99rem)').matches

const reason = new URLSearchParams(window.location.search).get('reason')
// Where a page was asked for after the end, it is the server that sends one here.
if (reason === 'stale') note('asked', serverNow(), 'Asked who it is')
else if (reason) note('ended', serverNow(), reason === 'idle' ? 'Signed out: no activity' : 'Signed out')

// Whoever starts over.
if (document.body.className === 'wide' && !form) clearStory()

onStory(render)
render()

if (form) {
  clock.hidden = false
  clock.style.setProperty('--live', base === '' ? `${100 - 100 * warn / idle}%` : '100%')
  clock.addEventListener('input', () => {
    held = true
    sayLeft(clock.max - clock.value)
  })
  clock.addEventListener('change', () => skipSoon(() => ({ by: Math.max(0, clock.value * 1000 - passed()) })))
  form.addEventListener('submit', event => {
    event.preventDefault()
    const to = event.submitter.value
    skipSoon(() => base === '' ? { to } : { by: idle - passed() })
  })
  onSkip(tick)
  setInterval(tick, 250)
  noteEnd(Number(ends))
  if (base !== '') note('activity', serverNow(), 'Pages loaded')
  tick()
}

/** The click is a sign of the user, too: the client reports that first. */
function skipSoon (choose) {
  held = true
  clearTimeout(soon)
  soon = setTimeout(async () => {
    const body = new URLSearchParams(choose())
    const response = await fetch(form.action, { method: 'POST', body, headers: { accept: 'application/json' } }).catch(() => undefined)
    const { skipped } = response?.ok ? await response.json() : {}
    held = false
    if (!skipped) return tick()
    noteSkip(skipped)
    skipAll(skipped)
  }, 300)
}

/** Ms since the last activity. */
function passed () {
  const { endsAt } = readStory()
  return endsAt === null ? Number(idle) : Math.min(idle, Number(idle) - endsAt + serverNow())
}

function tick () {
  if (held) return
  const { endsAt } = readStory()
  if (base !== '' && endsAt !== null && endsAt <= serverNow()) note('ended', endsAt, 'Session over, and both pages are open')
  const isOver = readStory().endsAt === null
  for (const control of form) control.disabled = isOver
  const left = Math.max(0, Math.ceil((idle - passed()) / 1000))
  clock.value = idle / 1000 - left
  if (isOver) form.querySelector('[data-left]').textContent = 'Session over'
  else sayLeft(left)
}

function sayLeft (seconds) {
  const text = `${seconds} ${Number(seconds) === 1 ? 'second' : 'seconds'} left`
  form.querySelector('[data-left]').textContent = text
  clock.setAttribute('aria-valuetext', text)
}

function render () {
  const { entries } = readStory()
  list.replaceChildren(...entries.toReversed().map(renderEntry))
  latest.textContent = entries.at(-1)?.text ?? ''
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
