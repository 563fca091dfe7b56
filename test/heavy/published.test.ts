import t from 'tap'
import { installIn, root } from './installed.js'

t.test('publint has nothing to say', async t => {
  const { run } = await installIn(t, {})
  t.match(await run('publint/src/cli.js', '--strict', root), 'All good!')
})

t.test('the types are right for every way to import the package', async t => {
  const { tarball, run } = await installIn(t, {})
  // client/standalone.js is for the browser alone, and has nothing to import; the contract for stores is run by programs, and an ES module.
  await t.resolves(run('@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'node16', '--exclude-entrypoints', './client/standalone.js', './store-contract'))
})
