// The left of the timeline: a row a worker, with what it polls now. It is a table of its own right, so what the canvas draws
// is also there in words.
import {fillChildren, found, made, setAttribute, setText} from './element';
import {className} from './moment';
import {count, duration} from './quantity';
import {fillTier} from './tier_badge';
import {KIND_TITLES, type GroupRow, type Row, type WorkerRow} from './timeline_rows';

export function showWorkers(rows: readonly Row[]): void {
  fillChildren(found('#rows tbody'), rows, () => made('tr'), (element, row) => {
    if (element.dataset.type !== row.type) {
      element.dataset.type = row.type;
      element.replaceChildren(...(row.type === 'group' ? [made('th', {colspan: '2', scope: 'rowgroup'})]
                                                       : [made('th', {scope: 'row'}), made('td')]));
    }
    if (row.type === 'group') fillGroup(element, row);
    else fillWorker(element, row);
  });
}

function fillGroup(element: HTMLTableRowElement, row: GroupRow): void {
  setText(element.cells[0]!, `${row.service} · ${KIND_TITLES[row.kind]} (${row.workers})`);
}

function fillWorker(element: HTMLTableRowElement, row: WorkerRow): void {
  const poll = row.worker?.poll;
  setText(element.cells[0]!, row.name);
  setAttribute(element.cells[0]!, 'title', `${row.name}, process ${row.pid}`);
  setAttribute(element, 'data-over', poll?.over ? 'true' : undefined);
  const now = element.cells[1]!;
  if (!poll) {
    setText(now, idle(row));
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
  const more = [duration(poll.age), poll.over && poll.blame !== 'unknown' ? poll.blame : '',
                poll.demoted ? 'demoted' : ''].filter(Boolean).join(', ');
  setText(now.lastElementChild!, more);
  setAttribute(now, 'title', `${className(poll.class)}, ${more}`);
}

function idle(row: WorkerRow): string {
  if (!row.worker) return 'gone';
  return row.worker.kind === 'spare' ? (row.worker.awake ? 'awake, no poll' : 'parked') : 'no poll';
}

export function showWorkersNote(leftOut: number): void {
  const note = found('#workers-note');
  note.hidden = leftOut === 0;
  setText(note, `${count(leftOut, 'worker')} more that poll nothing long; filter by service to see less at once.`);
}
