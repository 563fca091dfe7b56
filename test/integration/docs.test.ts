import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import { root } from '../helpers/root.js'
import { recipes } from './recipe.js'

const page = new URL('docs/integrations.md', root)

t.test('every snippet of docs/integrations.md is run by a test', async t => {
  const folders = ['test/integration/', 'test/browser/'].map(folder => new URL(folder, root))
  const files = (await Promise.all(folders.map(async folder => (await readdir(folder)).map(name => new URL(name, folder))))).flat()
  const code = (await Promise.all(files.filter(({ pathname }) => pathname.endsWith('.test.ts')).map(file => readFile(file, 'utf8')))).join('\n')
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
