// The page's elements: found once, made where rows come and go, and touched only where a text differs, so that what a person
// has selected or reads stays as it is.

export function found<T extends HTMLElement = HTMLElement>(selector: string, within: ParentNode = document): T {
  const element = within.querySelector<T>(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  return element;
}

export function made<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string> = {},
                                                            ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | undefined): void {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** As many children as there are items, each filled with its own. */
export function fillChildren<Item, Child extends HTMLElement>(parent: HTMLElement, items: readonly Item[], make: () => Child,
                                                              fill: (child: Child, item: Item) => void): void {
  while (parent.children.length > items.length) parent.lastElementChild!.remove();
  while (parent.children.length < items.length) parent.append(make());
  items.forEach((item, at) => fill(parent.children[at] as Child, item));
}

/** A row of a table with so many cells; the first is its header. */
export function madeRow(cells: number): HTMLTableRowElement {
  const row = made('tr');
  for (let cell = 0; cell < cells; cell++) row.append(cell === 0 ? made('th', {scope: 'row'}) : made('td'));
  return row;
}
