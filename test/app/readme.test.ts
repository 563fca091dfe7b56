import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

const run = promisify(execFile)
const root = new URL('../../', import.meta.url)
const readme = await readFile(new URL('README.md', root), 'utf8')
const blocks = [...readme.matchAll(/```(js|ts|sh|html)\n([\s\S]*?)```/g)].map(([, language, code]) => ({ language: language!, code: code! }))

// What a reader has around a fragment; a name that the fragment imports itself is left out.
const surroundings = [
  ['Fastify', "import Fastify from 'fastify'"],
  ['cookie', "import cookie from '@fastify/cookie'"],
  ['session', "import session from '@fastify/session'"],
  ['flash', "import flash from '@fastify/flash'"],
  ['websocket', "import websocket from '@fastify/websocket'"],
  ['sessionTimeout', "import sessionTimeout from 'fastify-session-timeout'"],
  ['safeReturnPath', "import { safeReturnPath } from 'fastify-session-timeout'"],
  ['pipeline', "import { pipeline } from 'node:stream/promises'"],
  ['PassThrough', "import { PassThrough } from 'node:stream'"],
  ['createReadStream', "import { createReadStream } from 'node:fs'"]
] as const

const secret = 'a secret that is long enough for the test of this page'

function programOf (code: string): string {
  if (code.includes('app.listen')) return `${code.replace('port: 3000', 'port: 0')}\nawait app.close()\n`
  const imports = code.split('\n').filter(line => line.startsWith('import '))
  const body = code.split('\n').filter(line => !line.startsWith('import ')).join('\n')
  const around = surroundings.filter(([name]) => !imports.some(line => new RegExp(`\\b${name}\\b.* from`).test(line)))
  return `${[...around.map(([, line]) => line), ...imports].join('\n')}
const app = Fastify()
await app.register(cookie)
await app.register(session, { secret: '${secret}', rolling: false, saveUninitialized: false })
await app.register(flash)
await app.register(websocket)
${body.includes('register(sessionTimeout') ? '' : 'await app.register(sessionTimeout)'}
${body}
await app.ready()
await app.close()
`
}

async function runProgram (t: Test, code: string): Promise<string> {
  // Below the package's own folder, so that its name resolves to itself.
  const dir = t.testdir({ 'snippet.mjs': programOf(code) })
  const { stderr } = await run(process.execPath, [`${dir}/snippet.mjs`], { env: { ...process.env, NODE_OPTIONS: '', SESSION_SECRET: secret }, timeout: 30_000 })
  return stderr
}

t.test('every JavaScript snippet of the README runs', async t => {
  const snippets = blocks.filter(block => block.language === 'js')
  t.ok(snippets.length >= 8, 'the snippets are found')
  for (const { code } of snippets) {
    await t.test(code.split('\n').find(line => line.trim() !== '')!, async t => {
      t.notMatch(await runProgram(t, code), /error/i)
    })
  }
})

t.test('a snippet that is wrong would be noticed', async t => {
  await t.rejects(runProgram(t, "await app.register(sessionTimeout, { idleTimout: '15m' })"), /FST_SESSION_TIMEOUT_INVALID_OPTION/)
})

t.test('every TypeScript snippet of the README compiles', async t => {
  const snippets = blocks.filter(block => block.language === 'ts')
  t.ok(snippets.length > 0, 'the snippets are found')
  for (const { code } of snippets) {
    const dir = t.testdir({ 'snippet.ts': code })
    await t.resolves(run(process.execPath, [new URL('node_modules/typescript/bin/tsc', root).pathname, '--noEmit', '--ignoreConfig', '--strict', '--skipLibCheck',
      '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,dom', `${dir}/snippet.ts`]))
  }
})

t.test('every npm script of the README exists', async t => {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { scripts: Record<string, string> }
  const named = [...readme.matchAll(/\bnpm (?:run )?([a-z:-]+)/g)].map(([, name]) => name!).filter(name => name !== 'ci' && name !== 'install')
  t.ok(named.length >= 2, 'the scripts are found')
  for (const name of named) t.ok(scripts[name], `npm run ${name}`)
})

t.test('every file that the README links to exists', async t => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => path!)
  t.ok(links.length > 0, 'the links are found')
  for (const path of links) await t.resolves(readFile(new URL(path, root)), path)
})
