// The left of the timeline: a row a worker, with what it polls now. It is a table of its own right, so what the canvas draws
// is also there in words. Beneath it, what is missing.
import {fillChildren, found, made, setAttribute, setText} from './element';
import {className} from './moment';
import {count, duration} from './quantity';
import {fillTier} from './tier_badge';
import {KIND_TITLES, type GroupRow, type Row, type WorkerRow} from './timeline_rows';

/** `leftOut`: so many workers are there, and are not listed. */
export function showWorkers(rows: readonly Row[], leftOut: number): void {
  fillChildren(found('#rows tbody'), rows, () => made('tr'), (element, row) => {
    if (element.dataset.type !== row.type) {
      element.dataset.type = row.type;
      element.replaceChildren(...(row.type === 'group' ? [made('th', {colspan: '2', scope: 'rowgroup'})]
                                                       : [made('th', {scope: 'row'}), made('td')]));
    }
    if (row.type === 'group') fillGroup(element, row);
    else fillWorker(element, row, leftOut);
  });
}

function fillGroup(element: HTMLTableRowElement, row: GroupRow): void {
  setText(element.cells[0]!, `${row.service} · ${KIND_TITLES[row.kind]} (${row.workers})`);
}

function fillWorker(element: HTMLTableRowElement, row: WorkerRow, leftOut: number): void {
  const poll = row.worker?.poll;
  setText(element.cells[0]!, row.name);
  setAttribute(element.cells[0]!, 'title', `${row.name}, process ${row.pid}`);
  setAttribute(element, 'data-long', poll?.long ? 'true' : undefined);
  const now = element.cells[1]!;
  if (!poll) {
    setText(now, idle(row, leftOut));
    now.className = 'idle';
    now.removeAttribute('title');
    return;
  }
  now.className = '';
  if (now.children.length !== 2 || !now.firstElementChild!.matches('.poll')) {
    now.replaceChildren(made('span', {class: 'poll'}), made('span', {class: 'more'}));
  }
  fillTier(now.firstElementChild as HTMLElement, poll.tier);
  setText(now.firstElementChild!.lastElementChild!, className(poll.class));
  // Where there is no room for all, the end goes first.
  const more = [poll.long && poll.blame !== 'unknown' ? poll.blame : '', duration(poll.age), poll.demoted ? 'demoted' : ''].filter(Boolean).join(', ');
  setText(now.lastElementChild!, more);
  setAttribute(now, 'title', `${className(poll.class)}, ${more}; ${poll.cpu > 0 ? duration(poll.cpu) : 'none'} of CPU proven`);
}

function idle(row: WorkerRow, leftOut: number): string {
  if (!row.worker) return leftOut > 0 ? 'gone, or not listed' : 'gone';
  return row.worker.kind === 'spare' ? (row.worker.awake ? 'awake, no poll' : 'parked') : 'no poll';
}

/** What the daemon had no room for: workers now, and long polls within the window. */
export function showWorkersNote(workers: number, longPolls: number, service: string, rows: number): void {
  const told: string[] = [];
  if (workers > 0 && service !== '' && rows === 0) told.push(`None of the workers of ${service} is listed.`);
  const are = (n: number): string => (n === 1 ? 'is' : 'are');
  if (workers > 0) told.push(`${count(workers, 'worker')} more ${are(workers)} not listed: those are listed whose polls last longest.`);
  if (longPolls > 0) {
    told.push(`${count(longPolls, 'long poll')} within the window ${are(longPolls)} not drawn: more ended at once than are told of.`);
  }
  const note = found('#workers-note');
  note.hidden = told.length === 0;
  setText(note, told.join(' '));
}
