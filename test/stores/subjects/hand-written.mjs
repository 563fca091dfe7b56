export const name = 'hand-written, with async methods'

/** As many applications have one: rows in a map, a life from `maxAge`, an answer later. */
export function create () {
  const rows = new Map()
  const later = () => new Promise(resolve => setImmediate(resolve))
  return {
    rows,
    async get (id, callback) {
      await later()
      const row = rows.get(id)
      callback(null, row && row.expires > Date.now() ? JSON.parse(row.json) : null)
    },
    async set (id, session, callback) {
      const json = JSON.stringify(session)
      await later()
      rows.set(id, { json, expires: Date.now() + (session.cookie.maxAge ?? 24 * 60 * 60 * 1000) })
      callback(null)
    },
    async destroy (id, callback) {
      await later()
      rows.delete(id)
      callback(null)
    }
  }
}

export function expiresAt ({ rows }, id) {
  return rows.get(id)?.expires
}
