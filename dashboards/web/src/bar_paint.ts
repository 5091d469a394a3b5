// How a bar is filled: the tier's colour, and over it the blame as a pattern, so that neither needs the other.
import type {Bar} from './long_polls';
import type {Blame, Tier} from './moment';
import type {Theme} from './theme';

const TILE = 6;

export class BarPaint {
  private patterns = new Map<string, CanvasPattern>();

  constructor(private readonly theme: Theme, private readonly scale: number) {}

  of(context: CanvasRenderingContext2D, bar: Bar): CanvasPattern | string {
    if (bar.blame !== 'runnable' && bar.blame !== 'blocked') return this.theme.tier[bar.tier];
    const key = `${bar.tier} ${bar.blame}`;
    let pattern = this.patterns.get(key);
    if (!pattern) {
      pattern = context.createPattern(this.tile(bar.tier, bar.blame), 'repeat')!;
      pattern.setTransform(new DOMMatrix().scale(1 / this.scale));
      this.patterns.set(key, pattern);
    }
    return pattern;
  }

  private tile(tier: Tier, blame: Blame): HTMLCanvasElement {
    const tile = document.createElement('canvas');
    tile.width = tile.height = Math.round(TILE * this.scale);
    const context = tile.getContext('2d')!;
    context.scale(tile.width / TILE, tile.width / TILE);
    context.fillStyle = this.theme.tier[tier];
    context.fillRect(0, 0, TILE, TILE);
    context.fillStyle = context.strokeStyle = this.theme.surface;
    if (blame === 'blocked') {
      context.fillRect(0, 0, TILE, TILE / 2);
      return tile;
    }
    context.lineWidth = 1.6;
    context.beginPath();
    for (const shift of [-TILE, 0, TILE]) {
      context.moveTo(shift - 1, TILE + 1);
      context.lineTo(shift + TILE + 1, -1);
    }
    context.stroke();
    return tile;
  }
}
