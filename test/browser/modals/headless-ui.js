import { Dialog, DialogPanel, DialogTitle } from '@headlessui/react'
import { createElement as h, useState } from 'react'
import { createRoot } from 'react-dom/client'

function App () {
  const [isOpen, setOpen] = useState(false)
  return h('div', null,
    h('button', { id: 'open', onClick: () => setOpen(true) }, 'Open'),
    h(Dialog, { open: isOpen, onClose: () => setOpen(false) },
      h(DialogPanel, null,
        h(DialogTitle, null, 'A modal'),
        h('label', null, 'Text ', h('textarea', { id: 'text' })),
        h('button', { onClick: () => setOpen(false) }, 'Close'))))
}

createRoot(document.querySelector('#app')).render(h(App))
