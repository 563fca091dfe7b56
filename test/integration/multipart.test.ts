import { existsSync, statSync } from 'node:fs'
import type { ClientRequest } from 'node:http'
import multipart from '@fastify/multipart'
import t from 'tap'
import { textOf } from '../examples/live.js'
import { fakeClock } from '../helpers/clock.js'
import { second } from '../helpers/time.js'
import { openSite, quiet, settle } from './live.js'
import { follow } from './recipe.js'

const upload = { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=cut' } }
const head = '--cut\r\ncontent-disposition: form-data; name="file"; filename="letter.txt"\r\ncontent-type: text/plain\r\n\r\n'
const tail = '\r\n--cut--\r\n'

t.test('an upload is read by its handler, and cut off when its session ends', async t => {
  const clock = fakeClock(t, { timers: true })
  const path = `${t.testdir()}/upload`
  const { send } = await openSite(t, { routes: app => follow('@fastify/multipart', app, { path }) })
  let body!: ClientRequest
  const answer = send('/files', upload, sent => {
    body = sent
    sent.on('error', () => {})
    sent.write(`${head}first half`)
  })
  await settle(() => existsSync(path) && statSync(path).size > 0)
  await clock.run(60 * second)
  const response = await answer
  t.equal(response.statusCode, 401)
  const { text } = await settled(response)
  t.match(JSON.parse(text), { code: 'FST_SESSION_TIMEOUT_ENDED' })
  body.destroy()
  t.equal(statSync(path).size, 'first half'.length)
})

t.test('an upload that arrives in time is kept', async t => {
  const clock = fakeClock(t, { timers: true })
  const path = `${t.testdir()}/upload`
  const { send } = await openSite(t, { routes: app => follow('@fastify/multipart', app, { path }) })
  let body!: ClientRequest
  const answer = send('/files', upload, sent => {
    body = sent
    sent.write(`${head}first half`)
  })
  await settle(() => existsSync(path) && statSync(path).size > 0)
  await clock.run(59 * second)
  body.end(` second half${tail}`)
  const { text } = await settled(await answer)
  t.same(JSON.parse(text), { name: 'letter.txt' })
  t.equal(statSync(path).size, 'first half second half'.length)
})

t.test('an upload by a visitor writes nothing to the store', async t => {
  fakeClock(t, { timers: true })
  const path = `${t.testdir()}/upload`
  const { send } = await openSite(t, { routes: app => follow('@fastify/multipart', app, { path }) })
  const response = await send('/files', { ...upload, headers: { ...upload.headers, cookie: '' } }, sent => { sent.end(`${head}a file${tail}`) })
  t.equal(response.statusCode, 401)
  response.resume()
  t.notOk(existsSync(path))
})

t.test('with attachFieldsToBody, an upload across the deadline does not reach the handler', async t => {
  const clock = fakeClock(t, { timers: true })
  const seen: unknown[] = []
  const { send } = await openSite(t, {
    before: app => { app.register(multipart, { attachFieldsToBody: 'keyValues' }) },
    routes (app) {
      app.post('/files', async request => {
        seen.push(request.body)
        return 'kept'
      })
    }
  })
  let body!: ClientRequest
  let arrived = false
  const answer = send('/files', upload, sent => {
    body = sent
    sent.write(`${head}first half`, () => { arrived = true })
  })
  await settle(() => arrived)
  await quiet()
  await clock.run(60 * second)
  body.end(` second half${tail}`)
  t.equal((await answer).statusCode, 401)
  t.same(seen, [])
})

async function settled (response: Parameters<typeof textOf>[0]): Promise<{ text: string }> {
  const collected = textOf(response)
  await settle(() => response.closed)
  return collected
}
