import type { Page } from 'playwright-core'

type Node = Awaited<ReturnType<typeof query>>[number]

// What a screen reader says besides role, name and description.
const told = ['modal', 'focused', 'level', 'live', 'atomic']

/** What the browser tells assistive technology of the element and what is in it, a line for each node. */
export async function accessibilityTree (page: Page, selector: string): Promise<string[]> {
  const nodes = await query(page, selector)
  return lines(nodes[0]!, undefined, 0)

  function lines (node: Node, parent: string | undefined, depth: number): string[] {
    const role = String(node.role?.value)
    const name = String(node.name?.value ?? '')
    const children = (node.childIds ?? []).flatMap(id => nodes.find(node => node.nodeId === id) ?? [])
    const below = (name: string | undefined, depth: number): string[] => children.flatMap(child => lines(child, name, depth))
    // One that is left out hands on its children.
    if (node.ignored || role === 'none' || role === 'generic') return below(parent, depth)
    if (role === 'InlineTextBox' || (role === 'StaticText' && name === parent)) return []
    const properties = (node.properties ?? []).filter(({ name }) => told.includes(name)).map(({ name, value }) => `, ${name} ${String(value.value)}`)
    const description = node.description?.value ? `, "${String(node.description.value)}"` : ''
    const line = `${role === 'StaticText' ? 'text' : role} "${name}"${description}${properties.join('')}`
    return ['  '.repeat(depth) + line, ...below(name, depth + 1)]
  }
}

async function query (page: Page, selector: string) {
  const cdp = await page.context().newCDPSession(page)
  const { result } = await cdp.send('Runtime.evaluate', { expression: `document.querySelector(${JSON.stringify(selector)})` })
  const { nodes } = await cdp.send('Accessibility.queryAXTree', { objectId: result.objectId! })
  return nodes
}
