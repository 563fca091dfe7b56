import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'

/** A fenced block of a Markdown file. */
export interface Snippet {
  /** The word after the fence. */
  language: string
  /** The rest of that line: `js browser` and `js compiled` are compiled and not run, `js store.mjs` is a file that others import. */
  kind: string
  code: string
  /** Its first line that says something, to name it by. */
  title: string
}

export const root = new URL('../../', import.meta.url)
export const secret = 'a secret that is long enough for the test of this page'
const run = promisify(execFile)

export async function readDocument (path: string): Promise<{ text: string, snippets: Snippet[] }> {
  const text = await readFile(new URL(path, root), 'utf8')
  const snippets = [...text.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(([, language, kind, code]) => ({
    language: language!, kind: kind!, code: code!, title: code!.split('\n').find(line => line.trim() !== '') ?? ''
  }))
  return { text, snippets }
}

// What a reader has around a fragment; a name that the fragment imports itself is left out.
const surroundings = {
  Fastify: 'fastify',
  cookie: '@fastify/cookie',
  session: '@fastify/session',
  flash: '@fastify/flash',
  formbody: '@fastify/formbody',
  websocket: '@fastify/websocket',
  sessionTimeout: 'fastify-session-timeout',
  '{ policies }': 'fastify-session-timeout',
  '{ safeReturnPath }': 'fastify-session-timeout',
  '{ pipeline }': 'node:stream/promises',
  '{ PassThrough }': 'node:stream',
  '{ createReadStream }': 'node:fs'
}

/** A whole program out of a snippet: one that makes its own application is one already. */
export function programOf (code: string): string {
  if (/\bFastify\(/.test(code)) {
    const closing = /^const app = Fastify\(/m.test(code) ? '\nawait app.ready()\nawait app.close()\n' : ''
    return `${code.replace(/port: \d+/, 'port: 0')}${closing}`
  }
  const imports = code.split('\n').filter(line => line.startsWith('import '))
  const body = code.split('\n').filter(line => !line.startsWith('import ')).join('\n')
  const around = Object.entries(surroundings).filter(([name]) => !imports.some(line => new RegExp(`\\b${name.replace(/\W/g, '')}\\b.* from`).test(line)))
  // @fastify/flash needs the session that the fragment itself registers.
  const withFlash = !/register\((flash|session)\b/.test(body)
  return `${[...around.map(([name, from]) => `import ${name} from '${from}'`), ...imports].join('\n')}
const app = Fastify()
${body.includes('register(cookie') ? '' : 'await app.register(cookie)'}
${body.includes('register(session,') ? '' : `await app.register(session, { secret: '${secret}', rolling: false, saveUninitialized: false })`}
${withFlash ? 'await app.register(flash)' : ''}
${body.includes('register(formbody') ? '' : 'await app.register(formbody)'}
${body.includes('register(websocket') ? '' : 'await app.register(websocket)'}
${body.includes('register(sessionTimeout') ? '' : 'await app.register(sessionTimeout)'}
${body}
await app.ready()
await app.close()
`
}

/**
 * Runs a program below the package's own folder, so that its name resolves to the built package.
 * @throws what it wrote to stderr, when it fails
 */
export async function runProgram (t: Test, program: string, file = 'snippet.mjs'): Promise<{ stdout: string, stderr: string }> {
  const dir = t.testdir({ [file]: program })
  // Bound to its end: a snippet that leaves something running is as wrong as one that throws.
  return run(process.execPath, [`${dir}/${file}`], { env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '', SESSION_SECRET: secret }, timeout: 60_000 })
}

// The same for what is only compiled.
const declarations = {
  app: "import type { FastifyInstance } from 'fastify'\ndeclare const app: FastifyInstance",
  cookie: "import cookie from '@fastify/cookie'",
  session: "import session from '@fastify/session'",
  sessionTimeout: "import sessionTimeout from 'fastify-session-timeout'",
  startSessionTimeout: "import { startSessionTimeout } from 'fastify-session-timeout/client'",
  Session: "import type { Session } from 'fastify'",
  RedisStore: "import { RedisStore } from 'connect-redis'",
  client: "import { createClient } from 'redis'\nconst client = createClient()",
  secret: 'declare const secret: string',
  pool: 'declare const pool: { query (text: string, values: unknown[]): Promise<{ rowCount: number }> }',
  MyStore: `declare class MyStore {
    constructor (pool: unknown)
    get (id: string, callback: (error: unknown, session?: object | null) => void): void
    set (id: string, session: object, callback: (error?: unknown) => void): void
    destroy (id: string, callback: (error?: unknown) => void): void
  }`,
  editor: 'declare const editor: { isDirty (): boolean }',
  store: 'declare const store: { hasUnsavedChanges (): boolean }',
  body: 'declare const body: FormData'
}

function declarationsFor (code: string): string[] {
  return Object.entries(declarations).filter(([name]) => {
    const brought = new RegExp(`^(?:import .*\\b${name}\\b.* from|(?:export )?(?:const|function|class) ${name}\\b)`, 'm').test(code)
    return !brought && new RegExp(`(?<![.\\w'/])${name}(?![\\w':])`).test(code)
  }).map(([, declaration]) => declaration)
}

export function isCompiled ({ language, kind }: Snippet): boolean {
  return language === 'ts' || (language === 'js' && kind !== '')
}

/** Compiles what runs in pages, what is written in TypeScript and what cannot run here, all snippets of a file at once. */
export async function compile (t: Test, snippets: Snippet[]): Promise<unknown> {
  const files = Object.fromEntries(snippets.map(({ kind, code }, index) => /\.m?[jt]s$/.test(kind)
    ? [kind, code]
    : [`snippet-${index}.ts`, `${declarationsFor(code).join('\n')}\n${code}\nexport {}\n`]))
  const dir = t.testdir(files)
  const tsc = new URL('node_modules/typescript/bin/tsc', root).pathname
  // As bundlers read modules, who are what snippets for pages are written for.
  return run(process.execPath, [tsc, '--noEmit', '--ignoreConfig', '--strict', '--skipLibCheck', '--allowJs', '--resolveJsonModule', '--module', 'preserve',
    '--target', 'es2022', '--lib', 'es2023,dom,dom.iterable', '--types', 'node', ...Object.keys(files).map(name => `${dir}/${name}`)]).catch(error => {
    throw new Error(`${error.stdout}${error.stderr}`)
  })
}
