// What a run of tap came to, from its TAP: for .ci/run.
// node scripts/ci/results.mjs failed LOG: the files that failed, one a line
// node scripts/ci/results.mjs count LOG [LOG of the second run]: how many assertions passed and failed
// What ran twice counts as in its second run.
import { readFileSync } from 'node:fs'
import { Parser } from 'tap-parser'

const [question, log, second] = process.argv.slice(2)
const answers = { failed, count }
if (answers[question] === undefined || log === undefined) throw new Error('Say failed or count, and the file of a log')
answers[question]()

function failed () {
  const names = [...filesOf(log)].filter(([, { fail }]) => fail > 0).map(([name]) => name)
  if (names.length > 0) console.log(names.join('\n'))
}

function count () {
  const files = new Map([...filesOf(log), ...second === undefined ? [] : filesOf(second)])
  const sum = side => [...files.values()].reduce((sum, counts) => sum + counts[side], 0)
  console.log(sum('pass'), sum('fail'))
}

/** By the name of the test file, its counts: several files share a process in `npm test`, and are tests in it. */
function filesOf (log) {
  const files = new Map()
  const parser = new Parser()
  follow(parser)
  parser.end(readFileSync(log))
  return files

  function follow (parser, file) {
    const children = []
    parser.on('child', child => {
      children.push(child)
      follow(child, file === undefined || /^test\/.*\.test\.ts$/.test(child.name) ? child.name : file)
    })
    parser.on('assert', ({ ok, skip, todo, name }) => {
      parser.hasLines = true
      // The line that ends a test repeats what the lines in it say, where they say it.
      const child = children.find(child => child.name === name && !child.counted)
      if (child !== undefined) {
        child.counted = true
        if (ok ? child.hasLines : child.hasFailed) {
          parser.hasFailed ||= !ok
          return
        }
      }
      const counts = files.get(file ?? name) ?? { pass: 0, fail: 0 }
      files.set(file ?? name, counts)
      if (ok) counts.pass += skip || todo ? 0 : 1
      else if (!todo) {
        counts.fail++
        parser.hasFailed = true
      }
    })
    parser.on('bailout', () => { files.set(file ?? 'tap', { pass: 0, fail: 1 }) })
  }
}
