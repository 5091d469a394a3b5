// The rows of the timeline: workers by service and kind, each group under its title. A worker that is gone keeps its row
// while bars of it are to be seen.
import {showsClass, showsService, type Filter} from './filter';
import type {Lane} from './long_polls';
import {workerKey, type Worker, type WorkerKind} from './moment';

/** 'other': polls of it have ended, and it was never listed. */
export type RowKind = WorkerKind | 'other';

export interface GroupRow {
  type: 'group';
  key: string;
  service: string;
  kind: RowKind;
  workers: number;
}

export interface WorkerRow {
  type: 'worker';
  key: string;
  name: string;
  pid: number;
  /** Absent: gone, or no more listed. */
  worker?: Worker;
  lane?: Lane;
}

export type Row = GroupRow | WorkerRow;

export const KIND_TITLES: Record<RowKind, string> = {worker: 'workers', isolation: 'isolation pool', spare: 'spare workers', other: 'workers of any kind'};
const KINDS: readonly RowKind[] = ['worker', 'isolation', 'spare', 'other'];

export class TimelineRows {
  private kinds = new Map<string, WorkerKind>();

  /** Workers of the newest moment, and lanes with a bar after `from`. */
  list(workers: readonly Worker[], lanes: ReadonlyMap<string, Lane>, filter: Filter, from: number): Row[] {
    const rows = new Map<string, WorkerRow>();
    for (const worker of workers) {
      if (!showsService(filter, worker.service)) continue;
      const key = workerKey(worker);
      this.kinds.set(key, worker.kind);
      rows.set(key, {type: 'worker', key, name: worker.name || `worker ${worker.line}`, pid: worker.pid, worker, lane: lanes.get(key)});
    }
    for (const [key, lane] of lanes) {
      if (rows.has(key) || !showsService(filter, lane.service)) continue;
      if (!lane.bars.some((bar) => bar.end >= from && showsClass(filter, lane.service, bar.class))) continue;
      rows.set(key, {type: 'worker', key, name: lane.name || `worker ${lane.line}`, pid: lane.pid, lane});
    }
    for (const key of this.kinds.keys()) if (!rows.has(key) && !lanes.has(key)) this.kinds.delete(key);
    return this.grouped([...rows.values()]);
  }

  private kind(row: WorkerRow): RowKind {
    return row.worker?.kind ?? this.kinds.get(row.key) ?? 'other';
  }

  private grouped(rows: WorkerRow[]): Row[] {
    const service = (row: WorkerRow): string => row.worker?.service ?? row.lane!.service;
    const place = (row: WorkerRow): number => row.worker?.line ?? row.lane!.line;
    rows.sort((a, b) => compare(service(a), service(b)) || KINDS.indexOf(this.kind(a)) - KINDS.indexOf(this.kind(b)) ||
      a.pid - b.pid || place(a) - place(b));
    tellApart(rows, service, place);
    const all: Row[] = [];
    let group: GroupRow | undefined;
    for (const row of rows) {
      if (!group || group.service !== service(row) || group.kind !== this.kind(row)) {
        group = {type: 'group', key: `${service(row)}\n${this.kind(row)}`, service: service(row), kind: this.kind(row), workers: 0};
        all.push(group);
      }
      group.workers++;
      all.push(row);
    }
    return all;
  }
}

/** Threads may bear one name: then their lines follow. */
function tellApart(rows: WorkerRow[], service: (row: WorkerRow) => string, line: (row: WorkerRow) => number): void {
  const times = new Map<string, number>();
  const full = (row: WorkerRow): string => `${service(row)} ${row.pid} ${row.name}`;
  for (const row of rows) times.set(full(row), (times.get(full(row)) ?? 0) + 1);
  for (const row of rows.filter((each) => times.get(full(each))! > 1)) row.name = `${row.name} ${line(row)}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
