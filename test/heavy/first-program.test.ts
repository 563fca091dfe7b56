import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text as body } from 'node:stream/consumers'
import { publint } from 'publint'
import t, { type Test } from 'tap'
import { launchChromium, newProfile } from '../helpers/chromium.js'
import { installAlone } from './installed.js'
import { readDocument } from '../helpers/snippets.js'
import { minute, second } from '../helpers/time.js'

const { text, snippets } = await readDocument('README.md')
const program = snippets.find(({ code }) => code.includes('app.listen'))!.code

// What the test has in its hands: the clock of the program, and the port that it came to.
const controls = `
const { now } = Date
let ahead = 0
Date.now = () => now() + ahead
process.on('message', ms => {
  ahead += ms
  process.send('done')
})
`

/** Only the port is another one, and said. */
function started (code: string): string {
  return code.replace('await app.listen({ port: 3000 })', "process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }))")
}

/** As the README says that it is done. */
function required (code: string): string {
  const imports = code.replace("import sessionTimeout, { safeReturnPath } from 'fastify-session-timeout'", "const { default: sessionTimeout, safeReturnPath } = require('fastify-session-timeout')")
    .replace(/^import (\w+) from ('.+')$/gm, 'const $1 = require($2)')
  const [head, ...rest] = imports.split('\n\n')
  return `${head}\n\nmain()\nasync function main () {\n${rest.join('\n\n')}\n}\n`
}

interface Program {
  url: string
  /** Moves its clock. */
  tick (ms: number): Promise<void>
}

async function start (t: Test, dir: string, name: string, code: string): Promise<Program> {
  await writeFile(join(dir, 'controls.cjs'), controls)
  await writeFile(join(dir, name), code)
  const child: ChildProcess = fork(join(dir, name), { cwd: dir, execArgv: ['--require', join(dir, 'controls.cjs')], env: { PATH: process.env.PATH }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const [url] = await Promise.race([once(child, 'message'), once(child, 'exit').then(([code]) => { throw new Error(`${name} ended with ${code}`) })])
  return {
    url,
    async tick (ms) {
      child.send(ms)
      await once(child, 'message')
    }
  }
}

/** A person's browser: keeps the cookie, navigates, shows redirects. fetch() would not say that it navigates. */
function visitor (url: string) {
  let cookie = ''
  return async (path: string, form?: Record<string, string>): Promise<{ status: number, location: string, body: string }> => {
    const call = request(new URL(path, url), {
      method: form ? 'POST' : 'GET',
      headers: { cookie, 'sec-fetch-mode': 'navigate', accept: 'text/html', ...form && { 'content-type': 'application/x-www-form-urlencoded' } }
    }).end(form && String(new URLSearchParams(form)))
    const [response]: IncomingMessage[] = await once(call, 'response')
    const { statusCode = 0, headers: { location = '', 'set-cookie': lines = [] } } = response!
    for (const line of lines) cookie = line.split(';', 1)[0]!
    return { status: statusCode, location, body: await body(response!) }
  }
}

const ada = { user: 'ada', password: 'lovelace' }

async function wholeWay (t: Test, { url, tick }: Program): Promise<void> {
  const go = visitor(url)
  t.match(await go('/'), { status: 303, location: '/login' }, 'the guard asks a visitor to sign in')
  t.match((await go('/login')).body, 'Sign in')
  t.match(await go('/login', { user: 'ada', password: 'wrong' }), { status: 303, location: '/login' })
  t.match(await go('/login', ada), { status: 303, location: '/' })
  t.match((await go('/')).body, 'Hello, ada')

  await tick(21 * second)
  const status = JSON.parse((await go('/session-timeout')).body)
  t.ok(status.active && status.remaining <= status.warnBefore, 'a warning is due')
  t.match((await go('/session-timeout/client.js')).status, 200, 'and the client is there to give it')

  await tick(39 * second)
  const ended = await go('/?page=2')
  t.match(ended, { status: 303, location: '/login?returnTo=%2F%3Fpage%3D2&reason=idle' })
  t.match((await go(ended.location)).body, 'You were signed out because you were inactive.')
  t.match(await go(ended.location, { user: 'ada', password: 'wrong' }), { status: 303, location: ended.location }, 'a wrong password loses neither the way back nor the reason')
  t.match(await go(ended.location, ada), { status: 303, location: '/?page=2' }, 'back to the page the user came from')
  t.match((await go('/?page=2')).body, 'Hello, ada')

  await tick(minute)
  t.match(await go('/login?returnTo=%2F', ada), { status: 303, location: '/' }, 'the cookie of an ended session costs no password')
  t.match(await go('/logout', {}), { status: 303, location: '/login' })
  t.match(await go('/'), { status: 303, location: '/login' })
}

t.test('the program of the README, in an empty folder with the packed tarball', async t => {
  const named = [.../^npm install (.+)$/m.exec(text)![1]!.split(' ')].filter(name => name !== 'fastify-session-timeout')
  const dir = await installAlone(t, named)

  await t.test('as ESM', async t => wholeWay(t, await start(t, dir, 'app.mjs', started(program))))
  await t.test('as CommonJS', async t => wholeWay(t, await start(t, dir, 'app.cjs', required(started(program)))))

  await t.test('in a browser: warned, signed out, told why, back', async t => {
    const browser = await launchChromium(t)
    if (browser === undefined) return
    const faster = program.replace("'1m'", "'8s'").replace("'40s'", "'6s'")
    const { url } = await start(t, dir, 'faster.mjs', started(faster))
    const context = await newProfile(t, browser, [])
    const page = await context.newPage()
    const signIn = async (): Promise<void> => {
      await page.getByLabel('Name').fill(ada.user)
      await page.getByLabel('Password').fill(ada.password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByText('Hello, ada').waitFor()
    }
    await page.goto(url)
    await signIn()
    await page.getByRole('alertdialog').waitFor()
    await page.waitForURL(/\/login\?.*reason=idle/)
    await page.getByText('You were signed out because you were inactive.').waitFor()
    await signIn()
    t.equal(new URL(page.url()).pathname, '/')
  })

  await t.test('the tarball is what bundlers and Node expect', async t => {
    const { messages } = await publint({ pkgDir: join(dir, 'node_modules/fastify-session-timeout'), pack: false, strict: true })
    t.strictSame(messages, [])
  })

  await t.test('the README of the tarball has no dead link', async t => {
    const home = join(dir, 'node_modules/fastify-session-timeout')
    const readme = await readFile(join(home, 'README.md'), 'utf8')
    t.equal(readme, text)
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)|(?:src|srcset)="([^"]+)"/g)].map(([, link, picture]) => link ?? picture!)
    t.ok(links.length >= 15, 'the links are found')
    for (const link of links.filter(link => !link.startsWith('/'))) t.ok(existsSync(join(home, link)), link)
  })
})
