import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import ts from 'typescript'
import { root } from './root.js'

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

/** What became of a program. */
export interface Outcome {
  /** What it threw, or why it is not over; undefined when it ended well. */
  failure: string | undefined
  /** What it wrote to stderr. */
  stderr: string
}

/**
 * Runs programs one after the other in one process, below the package's own folder, so that its name resolves to the
 * built package. What uses node:test, which is one for the whole process, gets a process of its own.
 */
export async function runPrograms (t: Test, programs: string[]): Promise<Outcome[]> {
  const alone = programs.filter(program => program.includes("'node:test'"))
  const groups = [programs.filter(program => !alone.includes(program)), ...alone.map(program => [program])].filter(group => group.length > 0)
  const outcomes = new Map<string, Outcome>()
  for (const group of groups) {
    for (const [index, outcome] of (await runTogether(t, group)).entries()) outcomes.set(group[index]!, outcome)
  }
  return programs.map(program => outcomes.get(program)!)
}

async function runTogether (t: Test, programs: string[]): Promise<Outcome[]> {
  const files = Object.fromEntries(programs.map((program, index) => [`snippet-${index}.mjs`, program]))
  const dir = writeFolder(t, { 'run.mjs': runner, ...files })
  const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '', SESSION_SECRET: secret }
  await run(process.execPath, [`${dir}/run.mjs`, String(programs.length)], { env, timeout: 120_000 })
  return JSON.parse(await readFile(`${dir}/outcomes.json`, 'utf8'))
}

/** Several at once, which are gone after the test; below the package's own folder. */
function writeFolder (t: Test, files: Record<string, string>): string {
  const parent = fileURLToPath(new URL('.tap', root))
  mkdirSync(parent, { recursive: true })
  const dir = mkdtempSync(join(parent, 'snippets-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

// A snippet that leaves something running is as wrong as one that throws. Sockets close a turn after their server.
const runner = `import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
const held = () => process.getActiveResourcesInfo().filter(name => !/^(TTY|Pipe)Wrap$/.test(name))
const newSince = before => {
  const known = [...before]
  return held().filter(name => known.includes(name) ? !known.splice(known.indexOf(name), 1) : true)
}
const write = process.stderr.write
const outcomes = []
for (let index = 0; index < Number(process.argv[2]); index++) {
  const outcome = { stderr: '' }
  process.stderr.write = text => { outcome.stderr += text; return true }
  const before = held()
  try {
    await import(\`./snippet-\${index}.mjs\`)
    for (let tries = 0; newSince(before).length > 0 && tries < 100; tries++) await pause(20)
    const left = newSince(before)
    if (left.length > 0) throw new Error(\`It leaves running: \${left}\`)
  } catch (error) {
    outcome.failure = \`\${error?.code} \${error?.stack ?? error}\`
  }
  process.stderr.write = write
  outcomes.push(outcome)
}
writeFileSync(new URL('outcomes.json', import.meta.url), JSON.stringify(outcomes))
// What is left running has been told.
process.exit()
`

// The same for what is only compiled.
const declarations = {
  app: "import type {} from 'fastify-session-timeout'\nimport type { FastifyInstance } from 'fastify'\ndeclare const app: FastifyInstance",
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
  io: "import type { Server } from 'socket.io'\ndeclare const io: Server",
  loadSession: 'declare function loadSession (request: object): Promise<{ sessionId: string }>',
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

const options: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  allowJs: true,
  resolveJsonModule: true,
  // As bundlers read modules, for whom snippets for pages are written.
  module: ts.ModuleKind.Preserve,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  types: ['node']
}
// The declarations of Node, Fastify and the DOM are the same for all.
const declared = new Map<string, ts.SourceFile | undefined>()

/**
 * Compiles what runs in pages, what is written in TypeScript and what cannot run here, all snippets of a file at once.
 * @returns what the compiler finds wrong
 */
export function compile (t: Test, snippets: Snippet[]): string {
  const files = Object.fromEntries(snippets.map(({ kind, code }, index) => /\.m?[jt]s$/.test(kind)
    ? [kind, code]
    : [`snippet-${index}.ts`, `${declarationsFor(code).join('\n')}\n${code}\nexport {}\n`]))
  const dir = writeFolder(t, files)
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (name, ...rest) => {
    if (!name.endsWith('.d.ts') && !name.endsWith('.d.cts')) return getSourceFile(name, ...rest)
    if (!declared.has(name)) declared.set(name, getSourceFile(name, ...rest))
    return declared.get(name)
  }
  const program = ts.createProgram(Object.keys(files).map(name => `${dir}/${name}`), options, host)
  return ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host)
}
