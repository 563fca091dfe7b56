import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import { recipes } from './recipe.js'

const tests = new URL('.', import.meta.url)
const page = new URL('../../docs/integrations.md', import.meta.url)

t.test('every snippet of docs/integrations.md is run by a test', async t => {
  const files = (await readdir(tests)).filter(name => name.endsWith('.test.ts'))
  const code = (await Promise.all(files.map(name => readFile(new URL(name, tests), 'utf8')))).join('\n')
  t.ok(recipes.size > 10, 'the snippets are found')
  for (const [heading, blocks] of recipes) {
    const uses = Array.from(code.matchAll(new RegExp(`follow\\('${heading}', app(?:, \\{[^}]*\\}+(?:, (\\d))?)?`, 'g')), ([, block]) => Number(block ?? 0))
    if (code.includes(`recipes.get('${heading}')`)) uses.push(0)
    for (const block of blocks.keys()) t.ok(uses.includes(block), `${heading}, ${block}`)
  }
})

t.test('every file that docs/integrations.md links to exists', async t => {
  const links = [...(await readFile(page, 'utf8')).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => path!)
  t.ok(links.length > 0, 'the links are found')
  for (const path of links) await t.resolves(readFile(new URL(path, page)), path)
})
