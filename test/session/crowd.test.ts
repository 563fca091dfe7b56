import t from 'tap'
import { saveAsCrowd } from '../helpers/crowd.js'
import { SharedStore } from '../helpers/stores.js'

t.test('3,000 parallel saves of one session with a sign-out among them are all answered', async t => {
  const store = new SharedStore()
  const { id } = await saveAsCrowd(t, store, 3000)
  t.notOk(store.data.has(id), 'and the store has no such session')
})
