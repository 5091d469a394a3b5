// The timeline as it lies in the page: its rows, the canvas beside or beneath their words, and the tip under the pointer.
import {found, setAttribute, setText} from './element';
import {showsClass, type Filter} from './filter';
import type {KeptMoment} from './history';
import type {Bar, LongPolls} from './long_polls';
import type {Mark} from './marks';
import {className} from './moment';
import {clock, count, duration} from './quantity';
import {TIER_NAMES} from './event_text';
import type {Theme} from './theme';
import {place, TimelineCanvas, type PlacedRow, type Scene} from './timeline_canvas';
import {TimelineRows, type Row} from './timeline_rows';
import {showWorkers, showWorkersNote} from './worker_table';

const NEAR_PIXELS = 4;

export interface Shown {
  last: KeptMoment;
  polls: LongPolls;
  /** Within the window. */
  endedLeftOut: number;
  marks: readonly Mark[];
  filter: Filter;
  windowSeconds: number;
}

export class Timeline {
  private readonly place = found('#timeline');
  private readonly scroller = found('#rows');
  private readonly canvas = found<HTMLCanvasElement>('#timeline canvas');
  private readonly tip = found('#tip');
  private readonly rows = new TimelineRows();
  private readonly drawing: TimelineCanvas;
  private listed: Row[] = [];
  private shown?: Shown;
  private scene?: Scene;

  constructor(theme: Theme) {
    this.drawing = new TimelineCanvas(this.canvas, theme);
    this.scroller.addEventListener('scroll', () => this.redraw());
    this.place.addEventListener('pointermove', (event) => this.pointAt(event));
    this.place.addEventListener('pointerleave', () => (this.tip.hidden = true));
    new ResizeObserver(() => this.redraw()).observe(this.place);
  }

  setTheme(theme: Theme): void {
    this.drawing.setTheme(theme);
    this.redraw();
  }

  /** What is in the rows; once a moment is enough. */
  show(shown: Shown): void {
    this.shown = shown;
    const from = shown.last.t - shown.windowSeconds;
    this.listed = this.rows.list(shown.last.workers, shown.polls.lanes, shown.filter, from);
    const leftOut = shown.last.workersLeftOut;
    showWorkers(this.listed, leftOut);
    showWorkersNote(leftOut, shown.endedLeftOut, shown.filter.service, this.listed.length);
    setAttribute(this.canvas, 'aria-label', summary(shown, this.listed));
    this.draw(shown.last.t);
  }

  /** The bars up to `known`, which is not after the last moment. */
  draw(known: number): void {
    const {shown} = this;
    if (!shown || this.place.clientWidth === 0) return;
    const width = this.canvas.clientWidth;
    const style = getComputedStyle(this.place);
    this.scene = {
      width, height: this.canvas.clientHeight, from: known - shown.windowSeconds, to: known, known, rows: this.placed(),
      marks: shown.marks, filter: shown.filter, barTop: parseFloat(style.getPropertyValue('--bar-top')),
      barHeight: parseFloat(style.getPropertyValue('--bar-height')),
    };
    this.drawing.draw(this.scene);
  }

  private redraw(): void {
    if (this.scene) this.draw(this.scene.known);
  }

  private placed(): PlacedRow[] {
    const top = this.canvas.getBoundingClientRect().top;
    const body = found<HTMLTableSectionElement>('#rows tbody');
    return this.listed.map((row, at) => {
      const box = body.rows[at]!.getBoundingClientRect();
      return {top: box.top - top, height: box.height, lane: row.type === 'worker' ? row.lane : undefined,
              title: row.type === 'group'};
    });
  }

  private pointAt(event: PointerEvent): void {
    const text = this.textAt(event);
    this.tip.hidden = text === undefined;
    if (text === undefined) return;
    setText(this.tip, text);
    const box = this.place.getBoundingClientRect();
    const left = Math.min(event.clientX - box.left + 12, box.width - this.tip.offsetWidth - 4);
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${event.clientY - box.top + 16}px`;
  }

  private textAt(event: PointerEvent): string | undefined {
    const box = this.canvas.getBoundingClientRect();
    const mark = this.drawing.markAt(event.clientX - box.left, event.clientY - box.top);
    if (mark) return markText(mark);
    const bar = this.barAt(event);
    return bar && tipText(bar);
  }

  private barAt(event: PointerEvent): Bar | undefined {
    const {scene} = this;
    if (!scene) return undefined;
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    const row = scene.rows.find((each) => y >= each.top && y < each.top + each.height);
    if (!row?.lane) return undefined;
    const {service, bars} = row.lane;
    for (let at = bars.length - 1; at >= 0; at--) {
      const bar = bars[at]!;
      if (place(scene, bar.start) - NEAR_PIXELS > x || place(scene, bar.end) + NEAR_PIXELS < x) continue;
      if (showsClass(scene.filter, service, bar.class)) return bar;
    }
    return undefined;
  }
}

function tipText(bar: Bar): string {
  const how = bar.open ? 'in flight for' : bar.uncertain ? 'about' : 'lasted';
  return [className(bar.class), `${how} ${duration(bar.end - bar.start)}`, TIER_NAMES[bar.tier], bar.blame === 'unknown' ? '' : bar.blame,
          bar.demoted ? 'demoted' : '', `from ${clock(bar.start)}`].filter(Boolean).join(' · ');
}

function markText(mark: Mark): string {
  const others = mark.times > 1 ? `, and ${count(mark.times - 1, 'other change')}` : '';
  return `${mark.label} to ${TIER_NAMES[mark.tier!]}${others} · ${clock(mark.t)}`;
}

/** The drawing in a sentence. */
function summary(shown: Shown, rows: readonly Row[]): string {
  const from = shown.last.t - shown.windowSeconds;
  const within = shown.marks.filter((mark) => mark.t >= from);
  const of = (kind: Mark['kind']): number => within.reduce((sum, mark) => sum + (mark.kind === kind ? mark.times : 0), 0);
  const workers = rows.filter((row) => row.type === 'worker').length;
  return `Timeline of ${count(workers, 'worker')} over the last ${shown.windowSeconds} seconds: ` +
    `${count(shown.polls.count(from, shown.last.t), 'long poll')}, ${count(of('tier'), 'tier change')}, ` +
    [count(of('revision'), 'policy revision'), ...within.filter((mark) => mark.kind === 'anew').map((mark) => mark.label)].join(', ');
}
