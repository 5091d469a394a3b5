// What the page shows of all there is: one service or all, and classes whose names contain a text.
export interface Filter {
  /** Empty: all. */
  service: string;
  /** In lower case. */
  class: string;
}

export function showsService(filter: Filter, service: string): boolean {
  return filter.service === '' || filter.service === service;
}

export function showsClass(filter: Filter, service: string, name: string): boolean {
  return showsService(filter, service) && (filter.class === '' || name.toLowerCase().includes(filter.class));
}

export function sameFilter(a: Filter, b: Filter): boolean {
  return a.service === b.service && a.class === b.class;
}
