// What a screen reader is told without being asked: how the connection stands, at once, and changes of tiers, a few together.
import {found} from './element';
import {TIER_NAMES} from './event_text';
import {className, type DaemonEvent} from './moment';

const LEAST_MS_BETWEEN = 5_000;

export class Announcer {
  private readonly place = found('#announcements');
  private waiting: DaemonEvent[] = [];
  private timer?: number;
  private saidAt = -Infinity;

  say(text: string): void {
    this.place.textContent = text;
    this.saidAt = performance.now();
  }

  tierChanges(events: readonly DaemonEvent[]): void {
    const changes = events.filter((event) => event.kind === 'tier' && event.to);
    if (changes.length === 0) return;
    this.waiting = [...this.waiting, ...changes].slice(-50);
    if (this.timer !== undefined) return;
    const wait = Math.max(0, this.saidAt + LEAST_MS_BETWEEN - performance.now());
    this.timer = window.setTimeout(() => this.sayTierChanges(), wait);
  }

  private sayTierChanges(): void {
    this.timer = undefined;
    const last = this.waiting[this.waiting.length - 1]!;
    const others = this.waiting.length - 1;
    this.waiting = [];
    this.say(`${className(last.class)} is now at ${TIER_NAMES[last.to!]}${others > 0 ? `; ${others} other changes` : ''}`);
  }
}
