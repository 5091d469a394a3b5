// The table of classes. Its headers are buttons that sort it.
import {fillChildren, found, made, madeRow, setAttribute, setText} from './element';
import {RECENT_SECONDS, type ClassRow} from './classes';
import {TIERS, className} from './moment';
import {cores, count, duration, rate} from './quantity';
import {doneTo, wouldBeDoneTo} from './rates';
import {fillTier} from './tier_badge';

interface Column {
  name: string;
  hint: string;
  number: boolean;
  /** What it is sorted by; text rises at first, numbers fall. */
  order: (row: ClassRow) => number | string;
  text: (row: ClassRow) => string;
}

const numbers = (name: string, hint: string, order: (row: ClassRow) => number, text: (row: ClassRow) => string): Column =>
  ({name, hint, number: true, order, text});

const ESTIMATED = 'the highest of any half second, estimated within a bucket of its histogram';
const time = (seconds: number | undefined): string => (seconds === undefined ? '–' : duration(seconds));

const COLUMNS: readonly Column[] = [
  {name: 'Class', hint: 'task class and its service', number: false, order: (row) => row.latest.key,
   text: (row) => className(row.latest.name)},
  {name: 'Tier', hint: 'where new tasks of the class begin', number: true, order: (row) => TIERS.indexOf(row.latest.tier), text: () => ''},
  numbers('CPU', 'of one core', (row) => row.cpu, (row) => cores(row.cpu)),
  numbers('Poll p99', `of poll times: ${ESTIMATED}`, (row) => row.p99 ?? 0, (row) => time(row.p99)),
  numbers('Wait p99', `of queue waits, from when a task could run to its poll: ${ESTIMATED}`, (row) => row.waitP99 ?? 0, (row) => time(row.waitP99)),
  numbers('Violations/s', 'polls that used more CPU time than their budget', (row) => row.violations, (row) => rate(row.violations)),
  numbers('Done/s', 'yields, isolations and demotions', doneTo, (row) => rate(doneTo(row))),
  numbers('Would-be/s', 'what would have been done in shadow', wouldBeDoneTo, (row) => rate(wouldBeDoneTo(row))),
  numbers('Polls/s', 'ended', (row) => row.polls, (row) => rate(row.polls)),
  {name: 'Enforcement', hint: 'in force for the class; unknown while it does nothing under a new policy', number: false, order: (row) => row.latest.enforcement,
   text: (row) => (row.enforcementKnown ? row.latest.enforcement + (row.latest.pin ? ', pinned' : '') : '–')},
];
const MOST_ROWS = 100;
/** Rates move twice a second; rows under a reader's eye and pointer do not. */
const SORTED_EACH_MS = 3_000;

export class ClassTable {
  private readonly head = found<HTMLTableRowElement>('#classes thead tr');
  private readonly body = found('#classes tbody');
  private column = COLUMNS.findIndex((column) => column.name === 'CPU');
  private falling = true;
  private rows: readonly ClassRow[] = [];
  /** The places of keys when rows were sorted last. */
  private places = new Map<string, number>();
  private sortedAt = -Infinity;

  constructor() {
    COLUMNS.forEach((column, at) => {
      const button = made('button', {type: 'button', title: column.hint}, column.name);
      button.addEventListener('click', () => this.sortBy(at));
      this.head.append(made('th', {scope: 'col', class: column.number && column.name !== 'Tier' ? 'number' : ''}, button));
    });
  }

  show(rows: readonly ClassRow[], leftOut: number): void {
    this.rows = rows;
    if (performance.now() - this.sortedAt >= SORTED_EACH_MS || rows.some(({latest}) => !this.places.has(latest.key))) this.sort();
    this.fill();
    const more = rows.length > MOST_ROWS ? `, ${MOST_ROWS} of them shown` : '';
    const missing = leftOut > 0 ? `; ${leftOut} that use less CPU are not told of` : '';
    setText(found('#classes-note'), `${count(rows.length, 'class', 'classes')}${more}${missing}; rates of the last ${RECENT_SECONDS} s`);
  }

  private sortBy(at: number): void {
    this.falling = this.column === at ? !this.falling : COLUMNS[at]!.number;
    this.column = at;
    this.sort();
    this.fill();
  }

  private sort(): void {
    const order = COLUMNS[this.column]!.order;
    const sign = this.falling ? -1 : 1;
    const sorted = [...this.rows].sort((a, b) => sign * compare(order(a), order(b)) || compare(a.latest.key, b.latest.key));
    this.places = new Map(sorted.map(({latest}, place) => [latest.key, place]));
    this.sortedAt = performance.now();
  }

  private fill(): void {
    [...this.head.children].forEach((cell, at) =>
      setAttribute(cell, 'aria-sort', at === this.column ? (this.falling ? 'descending' : 'ascending') : undefined));
    const place = (row: ClassRow): number => this.places.get(row.latest.key) ?? 0;
    const sorted = [...this.rows].sort((a, b) => place(a) - place(b));
    fillChildren(this.body, sorted.slice(0, MOST_ROWS), () => this.makeRow(), fillRow);
  }

  private makeRow(): HTMLTableRowElement {
    const row = madeRow(COLUMNS.length);
    COLUMNS.forEach((column, at) => {
      if (column.number && column.name !== 'Tier') row.cells[at]!.className = 'number';
    });
    row.cells[0]!.append(made('span'), made('small'));
    return row;
  }
}

function fillRow(row: HTMLTableRowElement, item: ClassRow): void {
  setAttribute(row, 'data-class', item.latest.name);
  COLUMNS.forEach((column, at) => {
    const cell = row.cells[at]!;
    if (column.name === 'Class') {
      setText(cell.firstElementChild!, column.text(item));
      setText(cell.lastElementChild!, item.latest.service);
    } else if (column.name === 'Tier') {
      fillTier(cell, item.latest.tier, item.latest.above > 0 ? `, ${count(item.latest.above, 'task')} above Monitor` : '');
    } else {
      setText(cell, column.text(item));
    }
  });
  for (const name of ['Done/s', 'Would-be/s']) {
    const at = COLUMNS.findIndex((column) => column.name === name);
    setAttribute(row.cells[at]!, 'data-some', String((name === 'Done/s' ? doneTo(item) : wouldBeDoneTo(item)) > 0));
  }
}

function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
