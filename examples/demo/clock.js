// The demo's clock can be set ahead, so that nobody has to wait for a warning: the server's, and those of the pages.
// The plugin and its client read Date.now.
let real = Date.now
let ahead = 0

/** For everybody who uses this demo; it is never set back. */
export function skip (ms) {
  if (Date.now !== later) {
    real = Date.now
    ahead = 0
  }
  ahead += ms
  Date.now = later
}

function later () {
  return real() + ahead
}
