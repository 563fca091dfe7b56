// The time of the server in the browser, by which all pages of the demo go.
import { skip } from './clock.js'

export const { base, started, ends, idle, warn } = document.documentElement.dataset

const [{ responseStart }] = performance.getEntriesByType('navigation')
const ahead = document.documentElement.dataset.now - performance.timeOrigin - responseStart
const channel = new BroadcastChannel('session-timeout-demo')
const listeners = []

channel.onmessage = ({ data }) => follow(data)

export function serverNow () {
  return Date.now() + ahead
}

/** @param {Function} listener called when somebody has set the clock ahead, in this page or another one */
export function onSkip (listener) {
  listeners.push(listener)
}

/** The server's clock was set ahead: so are those of all pages. */
export function skipAll (ms) {
  channel.postMessage(ms)
  follow(ms)
}

function follow (ms) {
  skip(ms)
  for (const listener of listeners) listener()
}
