// tap follows every promise and timer to the test that has made it, so that what it throws fails that test. That takes
// an eighth of the time. Here files take their turns, and turn.mjs fails the one whose turn it is.
const hooks = require('node:async_hooks')
const { syncBuiltinESMExports } = require('node:module')

const { createHook } = hooks
hooks.createHook = callbacks => createHook(new Error().stack.includes('async-hook-domain') ? {} : callbacks)
syncBuiltinESMExports()
