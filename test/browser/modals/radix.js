import * as Dialog from '@radix-ui/react-dialog'
import { createElement as h } from 'react'
import { createRoot } from 'react-dom/client'

// As shadcn/ui sets it up; the text is the modal's own, and lost when it closes.
createRoot(document.querySelector('#app')).render(
  h(Dialog.Root, null,
    h(Dialog.Trigger, { id: 'open' }, 'Open'),
    h(Dialog.Portal, null,
      h(Dialog.Overlay),
      h(Dialog.Content, { 'aria-describedby': undefined },
        h(Dialog.Title, null, 'A modal'),
        h('label', null, 'Text ', h('textarea', { id: 'text' })),
        h(Dialog.Close, null, 'Close'))))
)
