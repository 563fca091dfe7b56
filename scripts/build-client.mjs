// Bundles the browser client and keeps it small: the build fails above the limit.
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { build, transform } from 'esbuild'
import { minify } from 'terser'

// Bytes: what every page loads, and what a page with a session loads besides.
const limits = [6000, 4608]
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
execFileSync(process.execPath, [tsc, '-p', 'client/tsconfig.json'], { stdio: 'inherit' })

const compactCss = {
  name: 'compact-css',
  setup (build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, 'utf8'), { loader: 'css', minify: true, target: 'safari16' })
      return { contents: code.trim(), loader: 'text' }
    })
  }
}

const common = { bundle: true, format: 'esm', target: 'es2021', legalComments: 'none', charset: 'utf8', plugins: [compactCss] }
await build({ ...common, entryPoints: ['client/index.ts'], outfile: 'dist/client/index.js' })
// The second file is loaded by the first one, once there is a session: a visitor's page does without it.
const standalone = await compact('client/standalone.ts')
const display = await compact('client/display/display.ts')
// The server puts the policy in its place.
if (standalone.split('__SESSION_TIMEOUT_CONFIG__').length !== 2) throw new Error('The browser client has no one place for its configuration')

const sizes = [standalone, display].map(code => gzipSync(code, { level: 9 }).length)
console.log(`browser client: ${sizes[0]} bytes gzipped, of ${limits[0]}; what it shows: ${sizes[1]}, of ${limits[1]}`)
if (sizes.some((size, index) => size > limits[index])) throw new Error('The browser client is too large')
writeFileSync('dist/client/standalone.js', standalone)
writeFileSync('dist/client/display.js', display)
cpSync('client/languages', 'dist/client/languages', { recursive: true })

async function compact (entryPoint) {
  const { outputFiles: [bundle] } = await build({ ...common, entryPoints: [entryPoint], write: false, minify: true })
  // Terser knows more ways to say the same than esbuild's minifier.
  const { code } = await minify(bundle.text, { module: true, ecma: 2021, compress: { passes: 4, unsafe_arrows: true, pure_getters: true, keep_fargs: false } })
  return code
}
