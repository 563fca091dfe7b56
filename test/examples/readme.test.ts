import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { root } from '../helpers/root.js'

const readme = await readFile(new URL('examples/README.md', root), 'utf8')
/** By the name of the example, how it is started. */
const rows = new Map(Array.from(readme.matchAll(/^\| \[([^\]]+)\]\(\1\) \| .+ \| `([^`]+)` \|$/gm), ([, name, start]) => [name!, start!]))

t.test('the README lists every example', async t => {
  const entries = (await readdir(new URL('examples', root))).filter(name => name !== 'README.md' && name !== 'sessions.js')
  t.same([...rows.keys()].sort(), entries.sort())
})

t.test('what starts by npm is a script of the package', async t => {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { scripts: Record<string, string> }
  for (const name of ['demo', 'single-page']) {
    const script = scripts[rows.get(name)!.replace('npm run ', '')]
    t.equal(script, `node examples/${name}/server.js`)
    t.equal(scripts[`pre${rows.get(name)!.replace('npm run ', '')}`], 'npm run build')
  }
})

// The demo is started by its own test; cluster.js, which needs Redis, and the single-page application by those of test/heavy.
for (const [name, start] of rows) {
  if (!start.startsWith('node ')) continue
  t.test(`${start} says what to try, answers, and stops when told to`, async t => {
    const child = spawn(process.execPath, start.split(' ').slice(1), { cwd: fileURLToPath(root), env: { PATH: process.env.PATH, PORT: '0' } })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => { output += text })
    child.stderr.setEncoding('utf8').on('data', text => { output += text })
    while (!/http:\/\/[\d.:]+/.test(output)) await once(child.stdout, 'data')
    t.equal(start, `node examples/${name}`)
    const address = /http:\/\/[\d.:]+/.exec(output)![0]
    const answer = await fetch(`${address}/sign-in`, { method: 'POST' })
    // Passport's signs in at another address, and with a password.
    if (name === 'passport.js') t.equal(answer.status, 404)
    else t.match(answer.headers.getSetCookie(), [/^sessionId=/])
    child.kill('SIGTERM')
    t.same(await once(child, 'exit'), [0, null])
    t.notMatch(output, /error|warning/i)
  })
}
