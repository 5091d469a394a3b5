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
  /** In order of their starts; those of nested polls lie over those of the polls around them. */
  bars: Bar[];
  /** The one of them that is in flight. */
  open?: Bar;
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
      if (worker.poll?.long) {
        open.add(key);
        this.grow(worker, moment.t);
      }
    }
    for (const [key, lane] of this.lanes) {
      if (!open.has(key)) close(lane);
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
    const known = takeSame(lane, ended.start, end);
    if (known) {
      bar.demoted = known.demoted;
      if (bar.blame === 'unknown') bar.blame = known.blame;
    }
    insert(lane.bars, bar);
  }

  private grow(worker: Worker, now: number): void {
    const lane = this.lane(worker);
    const poll = worker.poll!;
    const start = now - poll.age;
    const {open} = lane;
    if (open && Math.abs(open.start - start) <= SAME_START_SECONDS) {
      Object.assign(open, {class: poll.class, end: now, tier: poll.tier, blame: poll.blame, demoted: open.demoted || poll.demoted});
      return;
    }
    close(lane);
    lane.open = {
      class: poll.class, start, end: now, tier: poll.tier, blame: poll.blame, demoted: poll.demoted, open: true, uncertain: false,
    };
    insert(lane.bars, lane.open);
  }
}

/** The bar of a poll of whose end we now hear, taken out. The end may be told a few bars late, never more. */
function takeSame(lane: Lane, start: number, end: number): Bar | undefined {
  const same = lane.open && isSame(lane.open, start, end) ? lane.open : lane.bars.slice(-8).find((bar) => isSame(bar, start, end));
  if (!same) return undefined;
  lane.bars.splice(lane.bars.lastIndexOf(same), 1);
  if (same === lane.open) lane.open = undefined;
  return same;
}

function isSame(bar: Bar, start: number, end: number): boolean {
  if (!bar.open && !bar.uncertain) return false;
  return Math.abs(bar.start - start) <= SAME_START_SECONDS || (bar.start >= start && bar.start < end);
}

function close(lane: Lane): void {
  if (!lane.open) return;
  lane.open.open = false;
  lane.open.uncertain = true;
  lane.open = undefined;
}

// They come almost in order of their starts: a poll in flight may be told before one that ended earlier.
function insert(bars: Bar[], bar: Bar): void {
  let at = bars.length;
  while (at > 0 && bars[at - 1]!.start > bar.start) at--;
  bars.splice(at, 0, bar);
}

function trim(lane: Lane, before: number): void {
  const {bars} = lane;
  if (bars.length > LANE_BARS) bars.splice(0, bars.length - LANE_BARS);
  // A long one may lie before those that go.
  if (bars.slice(0, 2).some((bar) => bar.end < before)) lane.bars = bars.filter((bar) => bar.end >= before);
}
