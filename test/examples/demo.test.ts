import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { createBrowser, type Browser, type Page } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { root } from '../helpers/root.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { second } from '../helpers/time.js'

const demo = new URL('examples/demo/', root)
const { buildDemo }: { buildDemo: (options?: Record<string, unknown>) => Promise<FastifyInstance> } = await import(new URL('app.js', demo).href)

async function openDemo (t: Test, options?: Record<string, unknown>): Promise<{ app: FastifyInstance, browser: Browser }> {
  const app = await buildDemo(options)
  t.teardown(() => app.close())
  return { app, browser: createBrowser(app) }
}

/** Sends a form as a browser does, and follows the redirect. */
function submit (browser: Browser, url: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
  return browser.navigate(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams(fields).toString()
  })
}

function signIn (browser: Browser, fields: Record<string, string> = {}): Promise<Page> {
  return submit(browser, '/login', { name: 'Ada', ...fields })
}

function returnToOf (page: Page): string | undefined {
  return /name="returnTo" value="([^"]*)"/.exec(page.body)?.[1]?.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
}

t.test('the whole way: sign in, be away too long, be told why, sign in again, be back', async t => {
  const clock = fakeClock(t)
  const timeouts: unknown[] = []
  const { browser } = await openDemo(t, { onTimeout: (_request: unknown, _reply: unknown, timeout: unknown) => { timeouts.push(timeout) } })

  const guarded = await browser.navigate('/letter?draft=1&lang=en')
  t.strictSame(guarded.hops, ['/login?returnTo=%2Fletter%3Fdraft%3D1%26lang%3Den'], 'the guard asks a visitor to sign in')
  t.equal(browser.cookie('sessionId'), undefined, 'and gives him no session')

  const letter = await signIn(browser, { returnTo: returnToOf(guarded)! })
  t.strictSame(letter.hops, ['/letter?draft=1&lang=en'])
  t.match(letter.body, 'Welcome, Ada')
  const first = browser.cookie('sessionId')

  await submit(browser, '/letter', { letter: 'Dear <Grace> & "others",' })
  t.match((await browser.navigate('/letter')).body, 'Dear &#60;Grace&#62; &#38; &#34;others&#34;,', 'what the user wrote is escaped')

  clock.tick(59 * second)
  t.match((await browser.navigate('/account')).body, 'Hello, Ada', 'within the limit')

  clock.tick(60 * second)
  const ended = await browser.navigate('/letter?draft=1')
  t.strictSame(ended.hops, ['/login?returnTo=%2Fletter%3Fdraft%3D1&reason=idle'])
  t.equal(ended.statusCode, 200)
  t.match(ended.body, 'You were signed out because you were inactive for too long. Please sign in again.')
  t.match(timeouts, [{ reason: 'idle', idleFor: 60 * second, session: { user: 'Ada' } }])
  t.equal(ended.body.split('You were signed out').length, 2, 'once')
  t.notMatch((await browser.navigate('/login')).body, 'inactive', 'the message is not shown again')

  const back = await signIn(browser, { returnTo: returnToOf(ended)! })
  t.strictSame(back.hops, ['/letter?draft=1'])
  t.notMatch(back.body, 'Grace', 'nothing of the old session is left')
  t.not(browser.cookie('sessionId'), first)
})

t.test('however active, the user is warned before the absolute limit and then signed out', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  await signIn(browser)
  for (let at = 30; at < 270; at += 30) {
    clock.tick(30 * second)
    t.notMatch((await browser.navigate('/account')).body, 'Your session ends in')
  }
  clock.tick(45 * second)
  t.match((await browser.navigate('/account')).body, 'Your session ends in 1 minute. Save your work')
  clock.tick(15 * second)
  const ended = await browser.navigate('/account')
  t.strictSame(ended.hops, ['/login?returnTo=%2Faccount&reason=absolute'])
  t.match(ended.body, 'You were signed out because your session reached its time limit.')
})

t.test('a page that comes to the sign-in form by itself brings the reason along', async t => {
  const { browser } = await openDemo(t)
  t.match((await browser.navigate('/login?returnTo=%2Fnews&reason=idle')).body, /<p class="message warning" role="alert">You were signed out because you were inactive for too long/)
  t.match((await browser.navigate('/login?reason=absolute')).body, 'your session reached its time limit')
  t.match((await browser.navigate('/login?reason=signed-out')).body, 'You have signed out.')
  for (const reason of ['missing', '<b>', '']) t.notMatch((await browser.navigate(`/login?reason=${reason}`)).body, 'class="message')
  t.notMatch((await browser.navigate('/login?reason=idle&reason=idle')).body, 'class="message', 'two at once')
  t.equal(browser.cookie('sessionId'), undefined)
})

t.test('confirming that it is you starts both clocks anew', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  await signIn(browser)
  for (let minute = 0; minute < 9; minute++) {
    clock.tick(50 * second)
    const page = await submit(browser, '/account/confirm', {})
    t.match(page.body, 'Confirmed. Both clocks start anew.')
  }
})

t.test('the statement asks who signed in a while ago to confirm, and the user is back there', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  t.match((await signIn(browser, { returnTo: '/statement' })).body, '<h1>Statement</h1>')
  clock.tick(29 * second)
  t.match((await browser.navigate('/statement')).body, '<h1>Statement</h1>')
  clock.tick(second)
  const asked = await browser.navigate('/statement')
  t.strictSame(asked.hops, ['/login?returnTo=%2Fstatement&reason=stale'])
  t.match(asked.body, '<h1>Is it you, Ada?</h1>')
  t.match((await browser.navigate('/account')).body, 'Hello, Ada', 'signed in all the while')
  const back = await submit(browser, '/account/confirm', { returnTo: returnToOf(asked)! })
  t.strictSame(back.hops, ['/statement'])
  t.match(back.body, '<h1>Statement</h1>')
  t.strictSame((await submit(browser, '/account/confirm', { returnTo: '//evil.example' })).hops, ['/account'])
})

t.test('skipping ahead is no activity: the warning is a second away, or the end', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  await signIn(browser)
  const json = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  t.strictSame((await browser.post('/skip', 'to=warning', json)).json(), { skipped: 39 * second })
  t.match((await browser.navigate('/account')).body, 'Hello, Ada')
  const page = await submit(browser, '/skip', { to: 'end' })
  t.match(page.body, '<h1>59 seconds later</h1>', 'without JavaScript')
  t.match(page.body, 'You have 1 second left.')
  clock.tick(second)
  t.strictSame((await browser.navigate('/account')).hops, ['/login?returnTo=%2Faccount&reason=idle'])
  t.equal((await browser.post('/skip', 'to=end', json)).statusCode, 401, 'for users alone')
})

t.test('the clock is set ahead by as much as it was dragged, never past the last second, and never back', async t => {
  fakeClock(t)
  const { browser } = await openDemo(t)
  await signIn(browser)
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  const skip = async (body: string): Promise<number> => (await browser.post('/skip', body, headers)).json().skipped
  t.equal(await skip('by=10000'), 10 * second)
  for (const wrong of ['by=-5000', 'by=', 'by=soon', 'by=NaN']) t.equal(await skip(wrong), 0, wrong)
  t.equal(await skip('to=next'), 29 * second, 'to the warning')
  t.equal(await skip('to=warning'), 0, 'there already')
  t.equal(await skip('to=next'), 20 * second, 'then to the end')
  t.equal(await skip('by=Infinity'), 0)
})

t.test('the start page shows two tabs of one session, and is no activity', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  t.match((await browser.navigate('/')).body, 'Sign in as Ada')
  const start = await signIn(browser, { returnTo: '/' })
  t.strictSame(start.hops, ['/'])
  t.match(start.body, /<iframe [^>]*src="\/statement"[^]*<iframe [^>]*src="\/letter\?begun"/)
  t.notMatch(start.body, /client\.js|Ada/, 'it is none of the user, and is not hidden')
  const framed = await browser.get('/statement', { 'sec-fetch-dest': 'iframe', 'sec-fetch-mode': 'navigate', accept: 'text/html' })
  t.match(framed.body, 'client.js')
  t.notMatch(framed.body, /panel/, 'the clock is on the page around it')
  clock.tick(50 * second)
  t.match((await browser.navigate('/')).body, '<iframe')
  clock.tick(10 * second)
  t.match((await browser.navigate('/')).body, 'Sign in as Ada')
})

t.test('a sign-in that was begun from a covered page ends on a page of this site', async t => {
  const { browser } = await openDemo(t)
  t.match((await browser.navigate('/login?returnTo=/session-timeout/resumed&reason=idle')).body, 'What you entered is kept in the tab that you came from.')
  const page = await signIn(browser, { returnTo: '/session-timeout/resumed' })
  t.strictSame(page.hops, ['/resumed'])
  t.match(page.body, '<p data-close>')
})

t.test('without the plugin, the pages stay open, nothing says why, and the letter is gone', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  const at = (path: string): string => `/without${path}`
  t.match((await browser.navigate('/without')).body, 'Sign in as Ada')
  t.match((await submit(browser, at('/login'), { name: 'Ada', returnTo: '/without' })).body, 'src="/without/statement"')
  const statement = await browser.navigate(at('/statement'))
  t.match(statement.body, 'NL00 DEMO')
  t.notMatch(statement.body, 'client.js')
  t.equal(statement.headers['server-timing'], undefined)
  clock.tick(59 * second)
  t.match((await submit(browser, at('/letter'), { letter: 'Dear Grace,' })).body, 'Dear Grace,')
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  t.strictSame((await browser.post(at('/skip'), 'by=60000', headers)).json(), { skipped: 60 * second })
  t.strictSame((await browser.post(at('/skip'), 'by=-1', headers)).json(), { skipped: 0 })
  const lost = await submit(browser, at('/letter'), { letter: 'Dear Grace, half of what' })
  t.strictSame(lost.hops, ['/without/login?returnTo=%2Fwithout%2Fletter'])
  t.notMatch(lost.body, /class="message|over/)
  const back = await submit(browser, at('/login'), { name: 'Ada', returnTo: returnToOf(lost)! })
  t.strictSame(back.hops, ['/without/letter'])
  t.notMatch(back.body, 'half of what')
  t.strictSame((await submit(browser, at('/logout'), {})).hops, ['/without'])
  t.strictSame((await submit(browser, at('/skip'), { to: 'end' }, { accept: 'text/html' })).hops, ['/without'], 'and without JavaScript')
})

t.test('every page says what the policy is, in and out of a session', async t => {
  const { browser } = await openDemo(t)
  for (const path of ['/', '/login']) t.match((await browser.navigate(path)).body, /Behind the scenes[^]*1 minute[^]*5 minutes[^]*20 seconds/)
  await signIn(browser)
  for (const path of ['/', '/account', '/news', '/letter', '/statement']) {
    t.match((await browser.navigate(path)).body, /<input type="range" [^>]*min="0" max="60" value="0">/, path)
  }
})

t.test('a sign-in form that was open for too long is still good', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  await signIn(browser)
  clock.tick(61 * second)
  t.match((await signIn(browser)).body, 'Hello, Ada')
})

t.test('polling does not keep the session, and gets a 401 after it', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  t.match((await signIn(browser, { returnTo: '/news' })).body, 'data-poll="/api/news"')
  for (let at = 5; at < 60; at += 5) {
    clock.tick(5 * second)
    const poll = await browser.get('/api/news', { accept: 'application/json' })
    t.equal(poll.statusCode, 200)
    t.equal(poll.headers['server-timing'], `session-timeout;dur=${(60 - at) * second}`)
  }
  clock.tick(5 * second)
  const poll = await browser.get('/api/news', { accept: 'application/json' })
  t.equal(poll.statusCode, 401)
  t.match(poll.json(), { code: 'FST_SESSION_TIMEOUT_ENDED' })
})

t.test('work by fetch keeps the session', async t => {
  const clock = fakeClock(t)
  const { browser } = await openDemo(t)
  await signIn(browser)
  for (let at = 0; at < 4; at++) {
    clock.tick(59 * second)
    t.equal((await browser.get('/api/work')).statusCode, 200)
  }
})

t.test('the form of the demo signs out in all tabs', async t => {
  const { browser } = await openDemo(t)
  await signIn(browser)
  const otherTab = browser.clone()
  const page = await submit(browser, '/logout', {})
  t.strictSame(page.hops, ['/'])
  t.equal(browser.cookie('sessionId'), undefined)
  t.strictSame((await otherTab.navigate('/account')).hops, ['/login?returnTo=%2Faccount'])
  t.strictSame((await submit(browser, '/logout', {})).hops, ['/'], 'a second time is no error')
})

t.test('goes back only to paths of its own site', async t => {
  const { browser } = await openDemo(t)
  const elsewhere = [
    'https://evil.example/', '//evil.example', '/\\evil.example', '\\\\evil.example', '/\t/evil.example', '/\n/evil.example', '/\r/evil.example',
    '\t//evil.example', ' //evil.example', '/\u0000/evil.example', '/%2fevil.example', '/%2Fevil.example', '/%5cevil.example', '/%5Cevil.example',
    '/%09/evil.example', '/%0a/evil.example', '/%0d%0aset-cookie:a=b', '/%252fevil.example', '%2f%2fevil.example', 'javascript:alert(1)',
    'data:text/html,hello', 'evil.example', '@evil.example', '/é', ''
  ]
  for (const returnTo of elsewhere) {
    const form = await browser.navigate(`/login?${new URLSearchParams({ returnTo })}`)
    t.equal(returnToOf(form), '/account', `the form refuses ${JSON.stringify(returnTo)}`)
    const page = await signIn(browser, { returnTo })
    t.strictSame(page.hops, ['/account'], `signing in refuses ${JSON.stringify(returnTo)}`)
  }
  t.equal(returnToOf(await browser.navigate('/login?returnTo=/letter&returnTo=//evil.example')), '/account', 'two at once')
  for (const returnTo of ['/letter', '/letter?a=1&b=%2F', '/letter?next=//evil.example', '/letter#end']) {
    t.strictSame((await signIn(browser, { returnTo })).hops, [returnTo])
  }
})

t.test('a name is all it asks for, and it asks accessibly', async t => {
  const { browser } = await openDemo(t)
  const page = await submit(browser, '/login', { name: '   ', returnTo: '/letter' })
  t.equal(page.statusCode, 400)
  t.match(page.body, /<title>Problem: sign in/)
  t.match(page.body, /aria-describedby="name-hint name-problem" aria-invalid="true"/)
  t.equal(returnToOf(page), '/letter')
  const hostile = await signIn(browser, { name: '<script>alert(1)</script>' })
  t.match(hostile.body, '&#60;script&#62;alert(1)&#60;/script&#62;')
  t.notMatch(hostile.body, '<script>')
})

t.test('pages are strict about scripts, frames and caches', async t => {
  const { app, browser } = await openDemo(t)
  await signIn(browser)
  for (const path of ['/account', '/news', '/letter']) {
    const page = await browser.navigate(path)
    t.match(page.headers['content-security-policy'], /^default-src 'self';/)
    t.equal(page.headers['cache-control'], 'no-store')
    t.match(page.body, '<script type="module" src="/session-timeout/client.js"></script>')
    t.notMatch(page.body, /<style|style=|<script>| on\w+=/, `nothing inline in ${path}`)
    t.equal([...page.body.matchAll(/<h1>/g)].length, 1)
  }
  const visitor = createBrowser(app)
  for (const path of ['/', '/login']) t.notMatch((await visitor.navigate(path)).body, 'client.js', `${path} has nothing to time for a visitor`)
  for (const [path, type] of [['/style.css', 'text/css'], ['/page.js', 'text/javascript'], ['/panel.js', 'text/javascript'], ['/clock.js', 'text/javascript'], ['/time.js', 'text/javascript'], ['/story.js', 'text/javascript'], ['/icon.svg', 'image/svg+xml']] as const) {
    const file = await visitor.get(path)
    t.equal(file.statusCode, 200)
    t.match(file.headers['content-type'], type)
  }
  t.equal(visitor.cookie('sessionId'), undefined, 'visitors get no session')
})

t.test('the session cookie is HttpOnly, Lax, for the whole site, and gone when the browser closes', async t => {
  const { browser } = await openDemo(t)
  const response = await browser.post('/login', 'name=Ada', { 'content-type': 'application/x-www-form-urlencoded' })
  t.equal(response.setCookies.length, 1)
  t.match(response.setCookies[0], /^sessionId=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)
})

t.test('forms from other sites are refused', async t => {
  const { browser } = await openDemo(t)
  await signIn(browser)
  for (const site of ['cross-site', 'same-site']) {
    const page = await submit(browser, '/logout', {}, { 'sec-fetch-site': site })
    t.equal(page.statusCode, 403)
  }
  t.equal((await browser.navigate('/account')).statusCode, 200)
})

t.test('the demo says what is missing or broken', async t => {
  const store = new FaultyStore(new JsonStore())
  const { app, browser } = await openDemo(t, { store })
  await signIn(browser)
  const missing = await browser.navigate('/nowhere')
  t.equal(missing.statusCode, 404)
  t.match(missing.body, 'There is no such page.')
  const visitor = await createBrowser(app).get('/api/work', { accept: 'application/json' })
  t.equal(visitor.statusCode, 401)
  t.match(visitor.json(), { message: 'Please sign in.' })

  store.always.get = 'error'
  const broken = await browser.navigate('/account')
  t.equal(broken.statusCode, 500)
  t.match(broken.body, 'Something went wrong here.')
  t.notMatch(broken.body, 'StoreDown', 'and keeps the details to itself')
  const call = await browser.get('/api/work', { accept: 'application/json' })
  t.strictSame(call.json(), { statusCode: 500, message: 'Something went wrong' })
})

t.test('npm run demo', async t => {
  const server = fileURLToPath(new URL('server.js', demo))
  const environment = { PATH: process.env.PATH, PORT: '0' }

  await t.test('prints its address and what to try, and stops when told to', async t => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = spawn(process.execPath, [server], { env: { ...environment, IDLE_TIMEOUT: '90s' } })
      t.teardown(() => child.kill('SIGKILL'))
      let output = ''
      child.stdout.setEncoding('utf8').on('data', text => { output += text })
      child.stderr.setEncoding('utf8').on('data', text => { output += text })
      while (!output.includes('Ctrl+C')) await once(child.stdout, 'data')
      t.match(output, /after 1 minute 30 seconds without activity, and after 5 minutes at the latest/)
      t.equal((await fetch(/http:\/\/\S+/.exec(output)![0])).status, 200)
      child.kill(signal)
      t.strictSame(await once(child, 'exit'), [0, null], signal)
    }
  })

  await t.test('says in a sentence what it cannot use', async t => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    t.teardown(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const wrong: Array<[Record<string, string>, RegExp]> = [
      [{ PORT: String(port) }, /^Port \d+ is taken. Choose another one: PORT=\d+ npm run demo$/],
      [{ PORT: 'eighty' }, /^PORT must be a whole number from 0 to 65535, received "eighty"\.$/],
      [{ PORT: '65536' }, /^PORT must be/],
      [{ IDLE_TIMEOUT: 'soon' }, /^IDLE_TIMEOUT must be a duration such as 60s, 5m or 2h, received "soon"\.$/],
      [{ IDLE_TIMEOUT: '60' }, /^IDLE_TIMEOUT=60 would be 60 milliseconds\. Write 60s for seconds, or 60m for minutes\.$/],
      [{ WARN_BEFORE: '' }, /^WARN_BEFORE must be a duration such as 60s, 5m or 2h, received ""\.$/],
      [{ ABSOLUTE_TIMEOUT: '500d' }, /^absoluteTimeout must be a duration .* at most 400 days/],
      [{ SESSION_SECRET: 'short' }, /^SESSION_SECRET must have at least 32 characters\.$/],
      [{ REDIS_URL: 'foo' }, /^REDIS_URL must be an address such as redis:\/\/127\.0\.0\.1:6379, received "foo"\.$/],
      [{ HOST: '192.0.2.1' }, /^listen EADDRNOTAVAIL/],
      [{ REDIS_URL: `redis://127.0.0.1:${port === 65535 ? 1 : 9}` }, /^Redis at REDIS_URL does not answer: /]
    ]
    for (const [variables, message] of wrong) {
      const failure = await promisify(execFile)(process.execPath, [server], { env: { ...environment, ...variables } }).catch(error => error)
      t.equal(failure.code, 1)
      t.match(failure.stderr.trim(), message)
    }
  })
})
