import { createNodeResolver, importX } from 'eslint-plugin-import-x'
import neostandard from 'neostandard'

// The house of lib/, from the roof down: a folder imports only from folders below it.
const folders = ['endpoint', 'request', 'session', 'store', 'settings']
const above = folders.map((folder, floor) => ({ target: `./lib/${folder}`, from: folders.slice(0, floor).map(upper => `./lib/${upper}`) }))
const ground = {
  target: ['./lib/policy.ts', './lib/errors.ts', './lib/clock.ts', './lib/is-thenable.ts'],
  from: folders.map(folder => `./lib/${folder}`)
}

export default [
  ...neostandard({ ts: true, ignores: ['dist', '.tap', '.compiled', 'coverage'] }),
  {
    files: ['index.ts', 'lib/**/*.ts', 'stores/**/*.ts'],
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } })]
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', {
        zones: [...above.filter(({ from }) => from.length > 0), ground].map(zone => ({
          ...zone, message: 'lib/ is a house: a folder imports only from folders below it (docs/architecture.md)'
        }))
      }]
    }
  },
  {
    files: ['lib/policy.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['fastify', '@fastify/*'] }] }
  },
  {
    files: ['index.ts', 'lib/**/*.ts', 'client/**/*.ts', 'types/**/*.ts'],
    rules: { '@stylistic/max-len': ['error', { code: 120, ignoreComments: true, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }] }
  }
]
