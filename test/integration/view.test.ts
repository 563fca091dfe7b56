import t from 'tap'
import { buildApp } from '../helpers/app.js'
import { createBrowser } from '../helpers/browser.js'
import { fakeClock } from '../helpers/clock.js'
import { minute } from '../helpers/time.js'
import { follow } from './recipe.js'

const layout = `<!doctype html><html lang="en"><title>Site</title>
<%- body %>
<% if (user) { %><script type="module" src="/session-timeout/client.js"></script><% } %>`

t.test('the pages of users have the client, and the sign-in page says why', async t => {
  const clock = fakeClock(t)
  const root = t.testdir({
    'layout.ejs': layout,
    'account.ejs': '<h1>Account of <%= user %></h1>',
    'login.ejs': '<% for (const message of messages()) { %><p role="alert"><%= message %></p><% } %><h1>Sign in</h1>'
  })
  const { app } = await buildApp(t, {
    flash: true,
    timeout: { user: session => session.userId, endpoint: '/session-timeout', afterTimeout: { redirectTo: '/login' } },
    routes: app => follow('@fastify/view', app, { root })
  })
  const browser = createBrowser(app)
  t.notMatch((await browser.navigate('/login')).body, 'client.js')
  await browser.post('/sign-in')
  const page = await browser.navigate('/account')
  t.match(page.body, '<h1>Account of ada</h1>')
  t.match(page.body, 'src="/session-timeout/client.js"')
  clock.tick(30 * minute)
  const ended = await browser.navigate('/account')
  t.match(ended.body, '<p role="alert">You were signed out because you were inactive for too long.')
  t.notMatch(ended.body, 'client.js')
  t.notMatch((await browser.navigate('/login')).body, 'role="alert"', 'once')
})

t.test('a page that shows no messages leaves them for one that does', async t => {
  const clock = fakeClock(t)
  const root = t.testdir({ 'layout.ejs': layout, 'account.ejs': '<h1>Account</h1>', 'login.ejs': '<%= messages().length %> messages' })
  const { app } = await buildApp(t, {
    flash: true,
    timeout: { user: session => session.userId },
    routes: app => follow('@fastify/view', app, { root })
  })
  const browser = createBrowser(app)
  await browser.post('/sign-in')
  clock.tick(30 * minute)
  await browser.navigate('/account')
  t.match((await browser.navigate('/login')).body, '1 messages')
})
