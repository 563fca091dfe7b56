import t from 'tap'
import { buildApp } from '../helpers/app.js'

t.test('the page that the opened tab lands on has no inline script, and is revalidated at each load', async t => {
  const { app } = await buildApp(t, { timeout: { endpoint: '/session-timeout' } })
  const url = '/session-timeout/resumed'
  const page = await app.inject(url)
  t.equal(page.statusCode, 200)
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
  t.match(page.body, /<script[^>]* src="[^"]*client\.js"/)
  t.notMatch(page.body, /<script[^>]*>[^<]|<style| style=| on[a-z]+=/)
  t.equal((await app.inject({ url, headers: { 'if-none-match': String(page.headers.etag) } })).statusCode, 304)
})
