import { createFocusTrap } from 'focus-trap'

const modal = document.createElement('div')
modal.innerHTML = '<h2>A modal</h2><label>Text <textarea id="text"></textarea></label> <button>Close</button>'
document.querySelector('#open').addEventListener('click', () => {
  document.body.append(modal)
  const trap = createFocusTrap(modal, { initialFocus: '#text', onDeactivate: () => modal.remove() })
  modal.querySelector('button').addEventListener('click', () => trap.deactivate())
  trap.activate()
})
