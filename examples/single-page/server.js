// npm run example:single-page
// PORT and API_PORT change where the pages and the API are.
import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { createServer } from 'vite'
import { buildApi } from './api.js'

const { PORT = '5173', API_PORT = '3000' } = process.env

const page = `http://localhost:${PORT}`
const api = await buildApi({ pages: [page] })
await api.listen({ port: Number(API_PORT), host: 'localhost' })

process.env.VITE_API = `http://localhost:${API_PORT}`
const pages = await createServer({
  root: fileURLToPath(new URL('.', import.meta.url)),
  configFile: false,
  plugins: [react()],
  server: { port: Number(PORT), strictPort: true, host: 'localhost' }
})
await pages.listen()
console.log(`
  Open ${page}/, sign in with any name, write a letter, and wait a minute.
  The API is at ${process.env.VITE_API}.
`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await Promise.all([pages.close(), api.close()])
    // Vite has an exit code of its own for SIGTERM.
    process.exit(0)
  })
}
