// The last five minutes, as the daemon told them. Moments come in order; what breaks the order, a daemon that started anew or
// a clock that was set back, begins a new history and is remembered as a mark.
import type {Moment} from './moment';

export const KEPT_SECONDS = 300;
const KEPT_MOMENTS = 640;
/** Moments come every half second. */
export const MOMENT_SECONDS = 0.5;
const LONGEST_STEP_SECONDS = 5;

export interface KeptMoment extends Moment {
  /** The time that its counts are of. */
  elapsed: number;
  /** Moments before it were missed. */
  afterGap: boolean;
}

export type Added = 'added' | 'anew' | 'known';

export class History {
  private kept: KeptMoment[] = [];
  /** When this history began in the place of another, by the daemon's clock. */
  anewAt?: number;
  anewBecause: 'restart' | 'clock' = 'restart';

  get moments(): readonly KeptMoment[] {
    return this.kept;
  }

  get last(): KeptMoment | undefined {
    return this.kept[this.kept.length - 1];
  }

  /** 'anew': all that was kept is of the past. 'known': came before, and is ignored. */
  add(moment: Moment): Added {
    const last = this.last;
    if (last?.epoch === moment.epoch && moment.n <= last.n) return 'known';
    const anew = last !== undefined && (last.epoch !== moment.epoch || moment.t <= last.t);
    if (anew) {
      this.anewAt = moment.t;
      this.anewBecause = last.epoch !== moment.epoch ? 'restart' : 'clock';
      this.kept = [];
    }
    this.kept.push(anew || !last ? {...moment, elapsed: MOMENT_SECONDS, afterGap: false} : {...moment, ...step(last, moment)});
    this.trim(moment.t - KEPT_SECONDS);
    return anew ? 'anew' : 'added';
  }

  private trim(before: number): void {
    let drop = Math.max(0, this.kept.length - KEPT_MOMENTS);
    while (drop < this.kept.length - 1 && this.kept[drop]!.t < before) drop++;
    if (drop > 0) this.kept.splice(0, drop);
    if (this.anewAt !== undefined && this.anewAt < before) this.anewAt = undefined;
  }

  /** Those of the last seconds. */
  since(t: number): readonly KeptMoment[] {
    let first = this.kept.length;
    while (first > 0 && this.kept[first - 1]!.t >= t) first--;
    return this.kept.slice(first);
  }
}

function step(last: Moment, moment: Moment): {elapsed: number; afterGap: boolean} {
  const seconds = moment.t - last.t;
  const afterGap = moment.n !== last.n + 1 || seconds > LONGEST_STEP_SECONDS;
  return {elapsed: moment.n === last.n + 1 ? Math.max(seconds, 0.05) : MOMENT_SECONDS, afterGap};
}
