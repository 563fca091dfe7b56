// Who is compared, and with what.
export const contenders = {
  limit: '@fastify/session, no timeout',
  'empty-hooks': '@fastify/session, with three hooks that do nothing',
  'limit-record': '@fastify/session, two instants and an expiry kept in the session',
  ours: 'fastify-session-timeout',
  'ours-endpoint': 'fastify-session-timeout with its endpoint',
  'host-rolling': '@fastify/session, rolling: true',
  'hand-written': 'a hook that stores lastActivity',
  express: 'express-session, rolling: true'
}
export const names = Object.keys(contenders)
export const stores = { memory: 'Memory store', redis: 'Redis' }
export const payloads = [100, 4096, 32_768]

export function median (values) {
  return quantile(values, 0.5)
}

export function quantile (values, share) {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]
}
