// Long polls as bars, one lane a worker: in flight they grow from moment to moment; the daemon says how long they were when
// they have ended. A poll that is in flight no more, and of whose end nothing was said, ends where it was last seen.
import {workerKey, type Blame, type EndedPoll, type Moment, type Tier, type Worker} from './moment';

export interface Bar {
  class: string;
  start: number;
  end: number;
  tier: Tier;
  blame: Blame;
  demoted: boolean;
  /** In flight when last heard of. */
  open: boolean;
  /** `end` is what is known at most, or at least: nobody saw the very end. */
  uncertain: boolean;
}

export interface Lane {
  service: string;
  pid: number;
  line: number;
  name: string;
  bars: Bar[];
}

const LANE_BARS = 20_000;
/** Starts of the same poll, as reckoned from its age and as reported. */
const SAME_START_SECONDS = 0.02;

export class LongPolls {
  readonly lanes = new Map<string, Lane>();

  clear(): void {
    this.lanes.clear();
  }

  add(moment: Moment, keptFrom: number): void {
    for (const ended of moment.ended) this.end(ended);
    const open = new Set<string>();
    for (const worker of moment.workers) {
      const key = workerKey(worker);
      const lane = this.lanes.get(key);
      if (lane) lane.name = worker.name;
      if (worker.poll?.over) {
        open.add(key);
        this.grow(worker, moment.t);
      }
    }
    for (const [key, lane] of this.lanes) {
      if (!open.has(key)) closeLast(lane);
      trim(lane, keptFrom);
      if (lane.bars.length === 0) this.lanes.delete(key);
    }
  }

  count(from: number, to: number): number {
    let count = 0;
    for (const lane of this.lanes.values()) for (const bar of lane.bars) if (bar.end >= from && bar.start <= to) count++;
    return count;
  }

  private lane(of: EndedPoll | Worker): Lane {
    const key = workerKey(of);
    let lane = this.lanes.get(key);
    if (!lane) {
      lane = {service: of.service, pid: of.pid, line: of.line, name: 'name' in of ? of.name : '', bars: []};
      this.lanes.set(key, lane);
    }
    return lane;
  }

  private end(ended: EndedPoll): void {
    const lane = this.lane(ended);
    const end = ended.start + ended.duration;
    const bar: Bar = {
      class: ended.class, start: ended.start, end, tier: ended.tier, blame: ended.blame, demoted: false, open: false,
      uncertain: ended.atMost,
    };
    const at = findLast(lane.bars, (known) => isSame(known, ended.start, end));
    if (at >= 0) {
      const [known] = lane.bars.splice(at, 1);
      bar.demoted = known!.demoted;
      if (bar.blame === 'unknown') bar.blame = known!.blame;
    } else if (ended.start > (lane.bars[lane.bars.length - 1]?.start ?? 0)) {
      closeLast(lane);
    }
    insert(lane.bars, bar);
  }

  private grow(worker: Worker, now: number): void {
    const lane = this.lane(worker);
    const poll = worker.poll!;
    const start = now - poll.age;
    const last = lane.bars[lane.bars.length - 1];
    const same = last !== undefined && last.open && Math.abs(last.start - start) <= SAME_START_SECONDS;
    if (!same) closeLast(lane);
    const bar: Bar = {
      class: poll.class, start: same ? last.start : start, end: now, tier: poll.tier, blame: poll.blame, open: true,
      uncertain: false, demoted: poll.demoted || (same && last.demoted),
    };
    if (same) lane.bars.pop();
    insert(lane.bars, bar);
  }
}

function isSame(bar: Bar, start: number, end: number): boolean {
  if (!bar.open && !bar.uncertain) return false;
  return Math.abs(bar.start - start) <= SAME_START_SECONDS || (bar.start >= start && bar.start < end);
}

/** The end of a poll may be told a few bars late, never more. */
function findLast(bars: Bar[], wanted: (bar: Bar) => boolean): number {
  for (let at = bars.length - 1; at >= Math.max(0, bars.length - 8); at--) if (wanted(bars[at]!)) return at;
  return -1;
}

function closeLast(lane: Lane): void {
  const last = lane.bars[lane.bars.length - 1];
  if (last?.open) {
    last.open = false;
    last.uncertain = true;
  }
}

// They come almost in order of their starts: a poll in flight may be told before one that ended earlier.
function insert(bars: Bar[], bar: Bar): void {
  let at = bars.length;
  while (at > 0 && bars[at - 1]!.start > bar.start) at--;
  bars.splice(at, 0, bar);
}

function trim(lane: Lane, before: number): void {
  let drop = Math.max(0, lane.bars.length - LANE_BARS);
  while (drop < lane.bars.length && lane.bars[drop]!.end < before) drop++;
  if (drop > 0) lane.bars.splice(0, drop);
}
