import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { isNavigation, isPage, isPrefetch } from '../../lib/request/navigation.js'

function request (headers: Record<string, string>, method = 'GET'): FastifyRequest {
  return { headers, method } as unknown as FastifyRequest
}

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

t.test('a navigation is what the browser says it is', async t => {
  for (const mode of ['cors', 'no-cors', 'websocket', '']) t.equal(isNavigation(request({ ...html, 'sec-fetch-mode': mode })), false, mode)
  for (const method of ['GET', 'HEAD', 'POST']) t.equal(isNavigation(request({ 'sec-fetch-mode': 'navigate' }, method)), true, method)
})

t.test('without its word, and behind a service worker, a GET or HEAD that accepts HTML', async t => {
  for (const mode of [{}, { 'sec-fetch-mode': 'same-origin' }]) {
    for (const method of ['GET', 'HEAD']) {
      t.equal(isNavigation(request({ ...html, ...mode }, method)), true)
      t.equal(isNavigation(request({ accept: '*/*', ...mode }, method)), false)
      t.equal(isNavigation(request(mode as Record<string, string>, method)), false)
      t.equal(isNavigation(request({ ...html, ...mode, 'hx-request': 'true' }, method)), false, 'htmx')
      t.equal(isNavigation(request({ ...html, ...mode, 'hx-request': 'false' }, method)), true)
    }
    t.equal(isNavigation(request({ ...html, ...mode }, 'POST')), false)
  }
})

t.test('a page is a document, in a tab or in a frame', async t => {
  for (const destination of ['document', 'iframe', 'frame', 'embed', 'object']) t.equal(isPage(request({ 'sec-fetch-dest': destination })), true, destination)
  for (const destination of ['image', 'script', 'serviceworker', '']) t.equal(isPage(request({ ...html, 'sec-fetch-dest': destination })), false, destination)
  t.equal(isPage(request(html)), true)
  t.equal(isPage(request({})), false)
  t.equal(isPage(request({ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'empty' })), true, 'through a service worker')
  t.equal(isPage(request({ ...html, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' })), false, 'a fetch')
})

t.test('a page that is loaded on suspicion is known by any of the headers that browsers have had for it', async t => {
  for (const name of ['sec-purpose', 'purpose', 'x-purpose', 'x-moz']) {
    for (const value of ['prefetch', 'prefetch;prerender', 'Prerender', 'preview']) t.equal(isPrefetch(request({ [name]: value })), true, `${name}: ${value}`)
    t.equal(isPrefetch(request({ [name]: 'other' })), false)
  }
  t.equal(isPrefetch(request(html)), false)
})
