// Draws the timeline: an axis and a lane of marks on top, then a lane of bars a row. Knows pixels and nothing of the page.
import {BarPaint} from './bar_paint';
import {TIER_LETTERS} from './event_text';
import {showsClass, type Filter} from './filter';
import type {Bar, Lane} from './long_polls';
import {apart, type Mark} from './marks';
import {TIERS, className} from './moment';
import {clock, duration} from './quantity';
import type {Theme} from './theme';

/** Of the axis, the labels of lines, and the marks of tiers. */
const HEAD_HEIGHT = 56;
const LABELS_TOP = 18;
const LABEL_HEIGHT = 16;
const MARKS_TOP = 37;
const MARK_SIZE = 14;
const LEAST_BAR = 2;

/** A row as it lies on the page; `bars` is absent for a title. */
export interface PlacedRow {
  top: number;
  height: number;
  lane?: Lane;
  title: boolean;
}

export interface Scene {
  width: number;
  height: number;
  /** The times at the left and at the right edge. */
  from: number;
  to: number;
  /** To this moment all is known: bars in flight go so far, and what is right of it is not known yet. */
  known: number;
  rows: readonly PlacedRow[];
  marks: readonly Mark[];
  filter: Filter;
  /** Where a row's bars lie in it. */
  barTop: number;
  barHeight: number;
}

export class TimelineCanvas {
  private readonly context: CanvasRenderingContext2D;
  private paint?: BarPaint;
  private scale = 1;
  private tierMarks: {left: number; mark: Mark}[] = [];

  constructor(private readonly canvas: HTMLCanvasElement, private theme: Theme) {
    this.context = canvas.getContext('2d')!;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.paint = undefined;
  }

  draw(scene: Scene): void {
    this.fit(scene);
    const {context} = this;
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, scene.width, scene.height);
    this.drawAxis(scene);
    context.save();
    context.beginPath();
    context.rect(0, HEAD_HEIGHT, scene.width, scene.height - HEAD_HEIGHT);
    context.clip();
    for (const row of scene.rows) this.drawRow(scene, row);
    context.restore();
    this.drawMarks(scene);
  }

  private fit(scene: Scene): void {
    const scale = window.devicePixelRatio || 1;
    const width = Math.round(scene.width * scale);
    const height = Math.round(scene.height * scale);
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    if (this.paint && this.scale === scale) return;
    this.scale = scale;
    this.paint = new BarPaint(this.theme, scale);
  }

  private drawAxis(scene: Scene): void {
    const {context, theme} = this;
    context.font = `11px ${theme.font}`;
    context.textBaseline = 'alphabetic';
    for (const t of ticks(scene)) {
      const x = place(scene, t);
      context.fillStyle = theme.line;
      context.fillRect(Math.round(x), 18, 1, scene.height - 18);
      context.fillStyle = theme.muted;
      context.textAlign = x < 28 ? 'left' : x > scene.width - 28 ? 'right' : 'center';
      context.fillText(clock(t), Math.min(Math.max(x, 0), scene.width), 12);
    }
  }

  private drawRow(scene: Scene, row: PlacedRow): void {
    if (row.top + row.height < HEAD_HEIGHT || row.top > scene.height) return;
    const {context, theme} = this;
    if (row.title) {
      context.fillStyle = theme.band;
      context.fillRect(0, row.top, scene.width, row.height);
    }
    context.fillStyle = theme.line;
    context.fillRect(0, row.top + row.height - 1, scene.width, 1);
    if (!row.lane) return;
    let drawnTo = -1;
    let drawnTier = -1;
    for (const bar of row.lane.bars) {
      if (bar.end < scene.from || bar.start > scene.known || !showsClass(scene.filter, row.lane.service, bar.class)) continue;
      const end = Math.min(bar.end, scene.known);
      const left = place(scene, bar.start);
      const right = Math.max(place(scene, end), left + LEAST_BAR);
      const rank = TIERS.indexOf(bar.tier);
      // Within one pixel only what stands higher is worth drawing again.
      if (right <= drawnTo && rank <= drawnTier) continue;
      this.drawBar(scene, row, bar, left, right);
      drawnTo = right;
      drawnTier = rank;
    }
  }

  private drawBar(scene: Scene, row: PlacedRow, bar: Bar, left: number, right: number): void {
    const {context, theme} = this;
    const top = row.top + scene.barTop;
    const width = right - left;
    context.fillStyle = this.paint!.of(context, bar);
    context.fillRect(left, top, width, scene.barHeight);
    if (width > 5) {
      context.fillStyle = theme.tier[bar.tier];
      context.fillRect(left, top, width, 1);
      context.fillRect(left, top + scene.barHeight - 1, width, 1);
      context.fillRect(right - 1, top, 1, scene.barHeight);
    }
    if (bar.demoted) {
      context.fillStyle = theme.text;
      context.fillRect(left, top + scene.barHeight + 1, width, 2);
    }
    if (bar.open) {
      context.fillStyle = theme.text;
      context.fillRect(right - 2, top - 2, 2, scene.barHeight + 4);
    }
    if (width > 14) this.label(scene, bar, left, top, width);
  }

  private label(scene: Scene, bar: Bar, left: number, top: number, width: number): void {
    const {context, theme} = this;
    const start = Math.max(left, 0);
    const room = width - (start - left) - 6;
    context.font = `600 11px ${theme.font}`;
    let text = `${TIER_LETTERS[bar.tier]} ${className(bar.class)} ${duration(bar.end - bar.start)}`;
    let wide = context.measureText(text).width;
    if (wide > room) {
      text = TIER_LETTERS[bar.tier];
      wide = context.measureText(text).width;
      if (wide > room) return;
    }
    if (bar.blame === 'runnable' || bar.blame === 'blocked') {
      context.fillStyle = theme.tier[bar.tier];
      context.fillRect(start + 1, top + 1, wide + 5, scene.barHeight - 2);
    }
    context.fillStyle = theme.onTier;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillText(text, start + 3, top + scene.barHeight / 2 + 0.5);
  }

  private drawMarks(scene: Scene): void {
    const pixel = (scene.to - scene.from) / scene.width;
    const visible = scene.marks.filter((mark) => mark.t >= scene.from && mark.t <= scene.known);
    for (const mark of visible.filter((each) => each.kind !== 'tier')) this.drawLineMark(scene, mark);
    this.tierMarks = apart(visible.filter((each) => each.kind === 'tier'), pixel * (MARK_SIZE + 2)).map((mark) => (
      {mark, left: Math.min(Math.max(place(scene, mark.t) - MARK_SIZE / 2, 0), scene.width - MARK_SIZE)}));
    for (const {left, mark} of this.tierMarks) this.drawTierMark(scene, left, mark);
  }

  /** The change of a tier that is drawn there. */
  markAt(x: number, y: number): Mark | undefined {
    if (y < MARKS_TOP || y >= HEAD_HEIGHT) return undefined;
    return this.tierMarks.find(({left}) => x >= left - 1 && x <= left + MARK_SIZE + 1)?.mark;
  }

  private drawTierMark(scene: Scene, left: number, mark: Mark): void {
    const {context, theme} = this;
    const x = place(scene, mark.t);
    context.fillStyle = theme.tier[mark.tier!];
    context.beginPath();
    context.roundRect(left, MARKS_TOP, MARK_SIZE, MARK_SIZE, 3);
    context.fill();
    context.fillRect(x - 0.5, MARKS_TOP + MARK_SIZE, 1, HEAD_HEIGHT - MARKS_TOP - MARK_SIZE);
    context.fillStyle = theme.onTier;
    context.font = `700 10px ${theme.font}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(TIER_LETTERS[mark.tier!], left + MARK_SIZE / 2, MARKS_TOP + MARK_SIZE / 2 + 0.5);
  }

  private drawLineMark(scene: Scene, mark: Mark): void {
    const {context, theme} = this;
    const x = Math.round(place(scene, mark.t)) + 0.5;
    context.strokeStyle = theme.mark;
    context.setLineDash(mark.kind === 'revision' ? [5, 3] : [2, 2]);
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x, LABELS_TOP);
    context.lineTo(x, scene.height);
    context.stroke();
    context.setLineDash([]);
    context.font = `600 11px ${theme.font}`;
    const wide = context.measureText(mark.label).width + 8;
    const left = Math.min(Math.max(x - wide / 2, 0), scene.width - wide);
    context.fillStyle = theme.mark;
    context.beginPath();
    context.roundRect(left, LABELS_TOP, wide, LABEL_HEIGHT, 3);
    context.fill();
    context.fillStyle = theme.surface;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillText(mark.label, left + 4, LABELS_TOP + LABEL_HEIGHT / 2 + 0.5);
  }
}

export function place(scene: Pick<Scene, 'from' | 'to' | 'width'>, t: number): number {
  return ((t - scene.from) / (scene.to - scene.from)) * scene.width;
}

/** Whole seconds, minutes and the like, some 90 pixels apart. */
export function ticks(scene: Pick<Scene, 'from' | 'to' | 'width'>): number[] {
  const least = ((scene.to - scene.from) / scene.width) * 90;
  const step = [1, 2, 5, 10, 15, 30, 60, 120].find((each) => each >= least) ?? 300;
  const found: number[] = [];
  for (let t = Math.ceil(scene.from / step) * step; t <= scene.to; t += step) found.push(t);
  return found;
}
