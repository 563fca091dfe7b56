import t from 'tap'
import { safeReturnPath } from '../../index.js'

t.test('a path of this site is followed', async t => {
  for (const path of ['/', '/account', '/search?q=a%20b&page=2', '/a/b#c', '/a?next=https://example.com//x', '/a?x=%0a', '/~ada/', "/it's", '/a/../b', '/a//b', '/./a']) t.equal(safeReturnPath(path), path, path)
})

t.test('everything that leads to another site is refused', async t => {
  const hostile = [
    'https://evil.example', 'http:/evil.example', '//evil.example', '///evil.example', '/\\evil.example', '\\\\evil.example', '\\/evil.example',
    'javascript:alert(1)', 'data:text/html,x', 'evil.example', '?next=/', '#x', '', ' /', ' //evil.example',
    '/\t/evil.example', '/\n/evil.example', '/\r\n/evil.example', '\t//evil.example', '/\u0000/evil.example', '/ /evil.example', '/\u00a0/x', '/é',
    '/%2fevil.example', '/%2Fevil.example', '/%5cevil.example', '/%5Cevil.example', '/%09/evil.example', '/%0d%0a/evil.example', '/%252fevil.example', '/a\\b',
    '/.//evil.example', '/..//evil.example', '/a/..//evil.example', '/%2e//evil.example', '/.%2E//evil.example', '/./%2fevil.example', '/a/b/../..//evil.example'
  ]
  for (const value of hostile) t.equal(safeReturnPath(value), '/', JSON.stringify(value))
})

t.test('what a browser makes of an accepted path stays on the site', async t => {
  const letters = ['/', '\\', '.', '%2f', '%5c', '%09', '\t', '@', ':', '?', '#', 'a', 'evil.example']
  const paths = letters.flatMap(a => letters.flatMap(b => letters.map(c => safeReturnPath(`/${a}${b}${c}`))))
  t.same(paths.filter(path => new URL(path, 'https://here.example').host !== 'here.example'), [])
})

t.test('a value that is no string, or far too long, is refused', async t => {
  for (const value of [undefined, null, 1, true, {}, [], ['/a'], ['//evil.example'], () => '/a']) t.equal(safeReturnPath(value), '/')
  t.equal(safeReturnPath(`/${'a'.repeat(2047)}`), `/${'a'.repeat(2047)}`)
  t.equal(safeReturnPath(`/${'a'.repeat(2048)}`), '/')
})

t.test('the fallback can be chosen', async t => {
  t.equal(safeReturnPath('//evil.example', '/home'), '/home')
})
