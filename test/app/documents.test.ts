import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import { root } from '../helpers/root.js'
import { compile, isCompiled, programOf, readDocument, runPrograms, type Snippet } from '../helpers/snippets.js'

const documents = ['README.md', ...(await readdir(new URL('docs', root))).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]
// What has a test of its own, with the neighbours that it is about.
const tested: Record<string, string> = { 'docs/integrations.md': 'test/integration' }
const others = ['CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'benchmark/RESULTS.md']

t.test('the snippets of each document run, or compile', async t => {
  const own = documents.filter(path => tested[path] === undefined)
  const pages = await Promise.all(own.map(async path => ({ path, snippets: (await readDocument(path)).snippets })))
  const programs = pages.flatMap(({ snippets }) => snippets.filter(isProgram).map(({ code }) => programOf(code)))
  // All in one process, while this one compiles the others.
  const running = runPrograms(t, programs)
  const compiled = pages.map(({ snippets }) => snippets.some(isCompiled) ? compile(t, snippets.filter(isCompiled)) : '')
  const outcomes = await running

  for (const [index, { path, snippets }] of pages.entries()) {
    await t.test(path, async t => {
      for (const { title } of snippets.filter(isProgram)) {
        const { failure, stderr } = outcomes.shift()!
        t.equal(failure, undefined, `runs: ${title}`)
        // Mock timers are experimental in Node 20.
        t.notMatch(stderr.replace(/.*ExperimentalWarning.*/g, ''), /error|warning:/i, `complains of nothing: ${title}`)
      }
      t.equal(compiled[index], '', 'what is for pages, and TypeScript, compiles')
      for (const { code } of snippets.filter(({ language }) => language === 'json')) t.doesNotThrow(() => JSON.parse(code), 'JSON is JSON')
      const known = /^(js|ts|json|html|css|sh|http|text|nginx|py)$/
      t.strictSame(snippets.filter(({ language }) => !known.test(language)), [], 'nothing is in a language that nobody checks')
    })
  }
  t.equal(outcomes.length, 0)
  for (const [path, folder] of Object.entries(tested)) t.ok((await readdir(new URL(folder, root))).some(name => name.endsWith('.test.ts')), `${path}: ${folder}`)
})

function isProgram (snippet: Snippet): boolean {
  return snippet.language === 'js' && !isCompiled(snippet)
}

t.test('a snippet that is wrong would be noticed', async t => {
  const outcomes = await runPrograms(t, [
    programOf("await app.register(sessionTimeout, { idleTimout: '15m' })"),
    programOf("await app.inject({ url: '/nowhere' }, 'no such callback').missing.at()"),
    'setInterval(() => {}, 1000)',
    programOf("console.error('an error')"),
    programOf('')
  ])
  const [misspelt, missing, running, complaining, right] = outcomes
  t.match(misspelt, { failure: /FST_SESSION_TIMEOUT_INVALID_OPTION/ })
  t.match(missing, { failure: /TypeError/ })
  t.match(running, { failure: /leaves running: .*Timeout/ })
  t.match(complaining, { failure: undefined, stderr: 'an error\n' })
  t.match(right, { failure: undefined, stderr: '' })
  const snippet = { language: 'js', kind: 'browser', title: '', code: "import { startSessionTimeout } from 'fastify-session-timeout/client'\nstartSessionTimeout({ endpiont: '/' })" }
  t.match(compile(t, [snippet]), /endpiont/)
})

t.test('every option has its default, its errors and an example that compiles', async t => {
  const [types, errors] = await Promise.all(['types/index.ts', 'types/errors.ts'].map(path => readFile(new URL(path, root), 'utf8')))
  const options = /^export interface FastifySessionTimeoutOptions \{\n([\s\S]*?)^\}/m.exec(types!)![1]!
  const described = [...options.matchAll(/\/\*\*([\s\S]*?)\*\/\n {2}(\w+)\?: /g)]
  t.equal(described.length, [...options.matchAll(/^ {2}\w+\?: /gm)].length, 'each has its own JSDoc')
  for (const [, text, name] of described) for (const tag of ['@default', '@throws', '@example']) t.match(text, tag, `${name}: ${tag}`)
  const examples = [...`${types}${errors}`.matchAll(/^ *\* ```ts\n([\s\S]*?)^ *\* ```$/gm)].map(([, code]) => code!.replace(/^ *\* ?/gm, ''))
  t.ok(examples.length > described.length)
  // As docs/options.md has it, which every TypeScript user needs first.
  const declared = "declare module 'fastify' {\n  interface Session { user?: string, role?: string }\n}\n"
  t.equal(compile(t, [...examples, declared].map(code => ({ language: 'ts', kind: '', title: '', code }))), '')
})

for (const path of [...documents, ...others]) {
  t.test(`${path} names only what exists`, async t => {
    const { text } = await readDocument(path)
    const prose = text.replace(/^```[\s\S]*?^```$/gm, '')
    for (const [, target, heading] of prose.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)]+))?\)/g)) {
      const address = target === '' ? new URL(path, root) : new URL(target!, new URL(path, root))
      t.ok(existsSync(address), `${target || path} exists`)
      if (heading !== undefined) t.ok(headings(await readFile(address, 'utf8')).includes(heading), `${target}#${heading} is a heading`)
    }
    const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { scripts: Record<string, string> }
    for (const [, name] of text.matchAll(/\bnpm run ([a-z:-]+)/g)) t.ok(scripts[name!], `npm run ${name}`)
    for (const [test] of text.matchAll(/\btest\/[\w/-]+\.test\.ts\b/g)) t.ok(existsSync(new URL(test, root)), `${test} exists`)
    for (const [, name] of prose.matchAll(/`test\/([\w-]+)`/g)) t.ok(existsSync(new URL(`test/${name}`, root)), `test/${name} exists`)
  })
}

t.test('what the README says of the cost is what the benchmark measured', async t => {
  const results = await readFile(new URL('benchmark/RESULTS.md', root), 'utf8')
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const rowsOf: Array<[contender: string, inReadme: string]> = [
    ['fastify-session-timeout', 'a request costs'],
    ['fastify-session-timeout with its endpoint', 'a request with the `endpoint` costs'],
    ['@fastify/session, rolling: true', '`rolling: true` and no plugin costs']
  ]
  for (const [name, costs] of rowsOf) {
    const rows = results.split('\n').filter(line => line.startsWith(`| ${name} | `))
    const shares = rows.map(row => Number(/^[\d.]+/.exec(row.split(' | ')[2]!)![0]))
    t.equal(shares.length, 6, `${name}: two stores, three sizes`)
    const [least, most] = [Math.max(...shares), Math.min(...shares)].map(share => Math.round(100 * (1 / share - 1)))
    t.match(readme, `${costs} ${least} to ${most} % more`)
  }
})

/** As code hosts make anchors of headings. */
function headings (text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!.toLowerCase().replace(/[^\p{L}\p{N}\s-]/gu, '').replaceAll(' ', '-'))
}
