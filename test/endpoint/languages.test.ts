import { readdirSync } from 'node:fs'
import t from 'tap'
import { buildApp } from '../helpers/app.js'
import { root } from '../helpers/root.js'

const languages = readdirSync(new URL('client/languages', root)).map(name => name.replace('.json', ''))

t.test('the texts of each language are served by themselves, to be revalidated at each load', async t => {
  const { app } = await buildApp(t, { timeout: { endpoint: '/session-timeout' } })
  t.ok(languages.includes('de'))
  for (const language of languages) {
    const url = `/session-timeout/languages/${language}.json`
    const page = await app.inject(url)
    t.equal(page.statusCode, 200, language)
    t.match(page.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
    t.type(page.json().stay, 'string')
    t.equal((await app.inject({ url, headers: { 'if-none-match': String(page.headers.etag) } })).statusCode, 304)
  }
})

t.test('a language that there is not is answered as the application answers what is not found', async t => {
  const { app } = await buildApp(t, {
    timeout: { endpoint: '/session-timeout' },
    routes: app => { app.setNotFoundHandler(async (request, reply) => reply.code(404).send({ nothing: request.url })) }
  })
  for (const language of ['xx', '__proto__', '..%2Fstandalone']) {
    const url = `/session-timeout/languages/${language}.json`
    const page = await app.inject(url)
    t.equal(page.statusCode, 404)
    t.same(page.json(), { nothing: url })
  }
})
