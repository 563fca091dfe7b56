import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { root } from '../helpers/root.js'

const script = fileURLToPath(new URL('scripts/check-release.mjs', root))
const complete = {
  name: 'fastify-session-timeout',
  version: '1.0.0',
  repository: { type: 'git', url: 'git+https://git.example/team/fastify-session-timeout.git' },
  bugs: { url: 'https://git.example/team/fastify-session-timeout/issues' },
  homepage: 'https://git.example/team/fastify-session-timeout#readme',
  author: 'A Team <team@example.com>'
}
const dated = '# Changelog\n\n## 1.0.0 - 2026-11-24\n'

interface Verdict { code: number, text: string }

async function check (t: Test, manifest: object, changelog = dated, variables: Record<string, string> = {}): Promise<Verdict> {
  const dir = t.testdir({ 'package.json': JSON.stringify(manifest), 'CHANGELOG.md': changelog })
  const env = { PATH: process.env.PATH, ...variables }
  return promisify(execFile)(process.execPath, [script, dir], { env }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    ({ code, stderr }) => ({ code, text: stderr })
  )
}

t.test('a release goes through when everything is said', async t => {
  const variables = { TAG: 'v1.0.0', REPOSITORY: 'Team/fastify-session-timeout' }
  t.match(await check(t, complete, dated, variables), { code: 0, text: 'may be published' })
})

for (const field of ['repository', 'bugs', 'homepage', 'author'] as const) {
  t.test(`a release is refused without ${field}, and told what to fill in`, async t => {
    const { [field]: _left, ...manifest } = complete
    for (const empty of [{}, { [field]: '' }, { [field]: ' ' }, { [field]: {} }, { [field]: null }]) {
      const { code, text } = await check(t, { ...manifest, ...empty })
      t.equal(code, 1)
      t.match(text, new RegExp(`package\\.json has no "${field}": \\w+`))
      t.equal(text.split('\n- ').length, 2, 'and of nothing else')
    }
  })
}

t.test('a refused release lists everything that is missing', async t => {
  const { code, text } = await check(t, { name: 'fastify-session-timeout', version: '1.0.0' }, '# Changelog\n')
  t.equal(code, 1)
  for (const what of ['"repository"', '"bugs"', '"homepage"', '"author"', 'CHANGELOG.md has no "## 1.0.0']) t.match(text, what)
})

t.test('a release is refused whose tag, source or date does not fit', async t => {
  t.match(await check(t, complete, dated, { TAG: 'v1.0.1' }), { code: 1, text: 'The tag is v1.0.1 and package.json says 1.0.0' })
  t.match(await check(t, complete, dated, { REPOSITORY: 'someone/else' }), { code: 1, text: 'but this is someone/else' })
  t.match(await check(t, complete, '## 1.0.0 - unreleased\n'), { code: 1, text: 'gives no date for 1.0.0' })
})
