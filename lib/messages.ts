import type { FastifyRequest } from 'fastify'
import type {} from '@fastify/flash'
import type { TimeoutReason } from '../types/index.js'
import type { Engine } from './engine.js'
import { isNavigation, isPrefetch } from './navigation.js'
import { deadlines } from './policy.js'
import { sessionOf, writeRecord } from './record.js'
import type { RequestState } from './state.js'

/** On the fresh session: why the old one ended. An API call must not create a session to hold a message. */
export function sayEnded (engine: Engine, request: FastifyRequest, reason: TimeoutReason): void {
  const { flash } = engine.settings
  if (flash && isNavigation(request)) request.flash(flash.type, flash.ended(reason, request))
}

/** Once per session: that it is about to reach the limit that no activity moves. */
export function sayExpiring (engine: Engine, request: FastifyRequest, state: RequestState): void {
  const { flash, warnBefore } = engine.settings
  const { record, limits, at } = state
  if (!flash || record!.warned) return
  const remaining = deadlines(record!, limits!).absolute - at
  if (remaining > warnBefore || !isNavigation(request) || isPrefetch(request)) return
  request.flash(flash.type, flash.expiring(remaining, request))
  state.record = { ...record!, warned: true }
  writeRecord(sessionOf(request)!, state.record)
}
