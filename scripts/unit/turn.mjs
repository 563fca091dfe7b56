// Several test files share a process. Each is loaded when its turn comes, and its tests become those of a test named like the file.
import processOnSpawn from 'process-on-spawn'
import tap from 'tap'

// Programs that tests start are no part of the coverage, and start in half the time without tap's loaders.
processOnSpawn.addListener(program => {
  const { NODE_OPTIONS, ...env } = program.env
  program.env = env
})

const tests = []

let current = tap
// Of promises and timers that nobody waits for: see no-domains.cjs.
process.on('uncaughtException', error => current.fail(`thrown where nothing catches it: ${error?.message ?? error}`, { found: error?.stack ?? error }))

/** What a test file gets for `import t from 'tap'`. */
export default { test: (...definition) => { tests.push(definition) } }

/** @param {Array<[name: string, load: () => Promise<unknown>]>} files */
export async function takeTurns (files) {
  for (const [name, load] of files) {
    await tap.test(name, async t => {
      current = t
      const before = stateOfProcess()
      await load()
      for (const definition of tests.splice(0)) await t.test(...definition)
      const after = stateOfProcess()
      const changed = Object.keys(before).filter(key => after[key] !== before[key])
      if (changed.length > 0) t.fail(`leaves to the files that follow another ${changed.join(', ')}`)
    })
  }
}

/** What a file must not leave changed to the next one. */
function stateOfProcess () {
  const { Date, setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, queueMicrotask, fetch, location } = globalThis
  const listeners = process.eventNames().map(name => `${String(name)} ${process.listenerCount(name)}`).sort().join()
  return {
    Date,
    'Date.now': Date.now,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    setImmediate,
    queueMicrotask,
    fetch,
    location,
    listeners,
    'process.env': JSON.stringify(process.env),
    'working directory': process.cwd()
  }
}
