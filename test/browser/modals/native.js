const modal = document.createElement('dialog')
modal.innerHTML = '<h2>A modal</h2><form method="dialog"><label>Text <textarea id="text"></textarea></label> <button>Close</button></form>'
document.body.append(modal)
document.querySelector('#open').addEventListener('click', () => modal.showModal())
