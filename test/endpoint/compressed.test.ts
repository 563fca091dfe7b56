import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { buildApp } from '../helpers/app.js'

const url = '/session-timeout'

t.test('the files of the client are compressed as the browser takes them, each with an ETag of its own', async t => {
  const { app } = await buildApp(t, { timeout: { endpoint: url } })
  for (const path of ['client.js', 'display.js', 'languages/de.json', 'resumed']) {
    const plain = await app.inject(`${url}/${path}`)
    t.equal(plain.headers['content-encoding'], undefined)
    const tags = new Set([plain.headers.etag])
    for (const [accepted, encoding] of [['gzip, deflate, br, zstd', 'br'], ['gzip', 'gzip'], ['br;q=0, gzip;q=0.5', 'gzip'], ['GZIP', 'gzip'], ['deflate', undefined], ['identity', undefined]] as const) {
      const response = await app.inject({ url: `${url}/${path}`, headers: { 'accept-encoding': accepted } })
      t.equal(response.headers['content-encoding'], encoding, accepted)
      t.equal(response.headers.vary, 'accept-encoding')
      tags.add(response.headers.etag)
      const text = encoding === 'br' ? brotliDecompressSync(response.rawPayload) : encoding === 'gzip' ? gunzipSync(response.rawPayload) : response.rawPayload
      t.equal(String(text), plain.body)
      const again = await app.inject({ url: `${url}/${path}`, headers: { 'accept-encoding': accepted, 'if-none-match': String(response.headers.etag) } })
      t.equal(again.statusCode, 304)
    }
    t.equal(tags.size, 3)
  }
})
