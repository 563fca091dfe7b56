// What has happened, for the time line. Two frames of one page share a session storage: whichever hears of something notes it, once.
import { base, serverNow, started } from './time.js'

const key = `session-timeout-demo${base}`
const most = 12
const listeners = []
let memory = { entries: [], endsAt: null }

/** `endsAt`: when the session ends, by the time of the server, if nothing happens. */
export function readStory () {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? memory
  } catch {
    // Storage may be turned off: then the story begins anew with each page.
    return memory
  }
}

/** @param {Function} listener called when the story goes on */
export function onStory (listener) {
  listeners.push(listener)
  window.addEventListener('storage', event => { if (event.key === key) listener() })
}

export function clearStory () {
  write({ entries: [], endsAt: null })
}

export function noteEnd (endsAt) {
  write({ ...readStory(), endsAt })
}

/** An activity is what puts the end off: it is known by its time, and named by what was before it. */
export function noteActivity (at) {
  const { entries } = readStory()
  if (entries.some(entry => entry.kind === 'activity' && Math.abs(at - entry.at) < 1500)) return
  const text = Math.abs(at - started) < 1500 ? 'Signed in' : 'Activity'
  note('activity', at, { ended: 'Signed in again', warning: 'Stayed signed in' }[kindBefore(entries)] ?? text)
}

/** @param {string} kind activity, warning, ended, resumed, asked */
export function note (kind, at, text) {
  const { entries, endsAt } = readStory()
  // The same, heard in another tab: nobody is warned twice without an activity in between.
  if (kind !== 'activity' && kind === kindBefore(entries)) return
  // Of activity after activity, the last one counts.
  const kept = text === 'Activity' && entries.at(-1)?.text === text ? entries.slice(0, -1) : entries
  write({ entries: [...kept, { kind, at, text }], endsAt: kind === 'ended' ? null : endsAt })
}

/** Setting the clock ahead is nothing that happens to a session. */
function kindBefore (entries) {
  return entries.findLast(({ kind }) => kind !== 'ahead')?.kind
}

export function noteSkip (ms) {
  const { entries, endsAt } = readStory()
  const last = entries.at(-1)
  const skipped = ms + (last?.skipped ?? 0)
  const kept = last?.skipped ? entries.slice(0, -1) : entries
  write({ entries: [...kept, { kind: 'ahead', at: serverNow() + ms, skipped, text: `Skipped ${Math.round(skipped / 1000)} s` }], endsAt })
}

function write ({ entries, endsAt }) {
  memory = { entries: entries.slice(-most), endsAt }
  try {
    sessionStorage.setItem(key, JSON.stringify(memory))
  } catch {
    // As above.
  }
  for (const listener of listeners) listener()
}
