import Keyv from 'keyv'

export const name = 'Keyv'

export function create () {
  const keyv = new Keyv()
  return {
    keyv,
    get: (id, callback) => { keyv.get(id).then(session => callback(null, session), callback) },
    set: (id, session, callback) => {
      keyv.set(id, session, session.cookie.maxAge).then(() => callback(null), callback)
    },
    destroy: (id, callback) => { keyv.delete(id).then(() => callback(null), callback) }
  }
}

export async function expiresAt ({ keyv }, id) {
  const row = await keyv.get(id, { raw: true })
  return row && (row.expires ?? null)
}
