import type { LightMyRequestResponse } from 'fastify'
import type { Scene } from './scene.js'
import { idleTimeout } from './world.js'

/** What one of the concurrent requests does. */
export interface Deed {
  readonly name: string
  run (scene: Scene, process: number): Promise<LightMyRequestResponse>
}

export const save = post('save', '/note?value=saved')
export const otherSave = post('other save', '/other?value=saved')
export const touch: Deed = { name: 'touch', run: (scene, process) => scene.send(process, 'GET', '/visit') }
export const savingVisit = post('saving visit', '/visit-and-note?value=saved')
export const restart = post('restart', '/restart')
export const renewal = post('renewal', '/renew')
export const signIn = post('sign-in', '/sign-in?user=bob')
export const signOut = post('sign-out', '/sign-out')
export const extension = post('extension', '/session-timeout')
export const endpointSignOut: Deed = {
  name: 'endpoint sign-out',
  run: (scene, process) => scene.send(process, 'DELETE', '/session-timeout')
}

/** It begins with the memory of its process, not with a read of the store as a request does. */
export const endById: Deed = {
  name: 'end by id',
  async run (scene, process) {
    await scene.world.conductor.step('end by id begins', process)
    return scene.sendWithout(process, 'POST', `/end?id=${scene.id}`)
  }
}

/** Signs ada out everywhere. */
export const endAll: Deed = { name: 'end of all', run: (scene, process) => signOutEverywhere(scene, process, '') }

/** The same, but for the session of the scene. */
export const endAllOthers: Deed = { name: 'end of all others', run: (scene, process) => signOutEverywhere(scene, process, `&except=${scene.id}`) }

async function signOutEverywhere (scene: Scene, process: number, except: string): Promise<LightMyRequestResponse> {
  await scene.begin('it begins', process)
  return scene.sendWithout(process, 'POST', `/end-all?user=ada${except}`)
}

/** On another device. */
export const otherSignIn: Deed = {
  name: 'other sign-in',
  async run (scene, process) {
    await scene.begin('it begins', process)
    return scene.sendWithout(process, 'POST', '/sign-in?user=ada')
  }
}

/** Everything that comes later comes past the deadline, too. */
export const timeout: Deed = {
  name: 'timeout',
  async run (scene, process) {
    await scene.world.conductor.step('the deadline passes', undefined, { global: true })
    scene.passDeadline()
    return scene.send(process, 'GET', '/visit')
  }
}

export const deeds: readonly Deed[] = [
  save, otherSave, touch, restart, extension, renewal, signIn, signOut, endpointSignOut, endById, timeout
]

/** How long before the request the user was active last. */
export function pauseBefore (all: readonly Deed[]): number {
  return all.includes(timeout) ? idleTimeout - 1 : 5000
}

function post (name: string, url: string): Deed {
  return { name, run: (scene, process) => scene.send(process, 'POST', url) }
}
