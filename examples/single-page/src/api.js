// The API has an origin of its own: the address is put in at build time.
export const api = import.meta.env.VITE_API

/** Fetches with the cookie of the API; throws what it answers, with its code. */
export async function call (path, { method = 'GET', body } = {}) {
  const response = await fetch(api + path, {
    method,
    credentials: 'include',
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) })
  })
  const answer = response.status === 204 ? null : await response.json()
  if (!response.ok) throw Object.assign(new Error(answer.message), { code: answer.code, status: response.status })
  return answer
}
