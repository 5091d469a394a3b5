// The page: moments come in, what is shown follows. Everything is of the last moment, or of the one at which it was paused.
import {Announcer} from './announcer';
import {Charts} from './charts';
import {ClassTable} from './class_table';
import {Classes} from './classes';
import {Connection, type ConnectionState} from './connection';
import {found, setText} from './element';
import {EventList} from './event_list';
import {History, MOMENT_SECONDS} from './history';
import {showLongPolls} from './long_poll_table';
import {LongPolls} from './long_polls';
import {marks} from './marks';
import {readMoment, type Moment} from './moment';
import {Settings} from './settings';
import {CONNECTION_TEXTS, showConnection, showDaemon, showServices} from './standing';
import {onThemeChange, readTheme, wantsStillness} from './theme';
import {Timeline} from './timeline';

/** While paused, as many wait to be shown; older ones are forgotten. */
const MOST_WAITING = 640;

class Page {
  private readonly history = new History();
  private readonly polls = new LongPolls();
  private readonly announcer = new Announcer();
  private readonly classes = new Classes();
  private readonly classTable = new ClassTable();
  private readonly events = new EventList();
  private readonly settings = new Settings(() => this.show(), () => this.pauseChanged());
  private readonly timeline: Timeline;
  private readonly charts: Charts;
  private readonly connection = new Connection('events', (id, data, replayed) => this.heard(id, data, replayed),
                                                 () => this.connectionChanged());
  private waiting: Moment[] = [];
  private heardAt = 0;
  private drawnAt = 0;
  private stale = false;
  private told?: ConnectionState;

  constructor() {
    const theme = readTheme();
    this.timeline = new Timeline(theme);
    this.charts = new Charts(theme);
    onThemeChange(() => this.themeChanged());
  }

  start(): void {
    this.connection.open();
    this.connectionChanged();
    setInterval(() => this.connectionChanged(), 1_000);
    requestAnimationFrame((now) => this.frame(now));
  }

  private heard(id: string, data: string, replayed: boolean): void {
    const moment = readMoment(id, data);
    found('#connection').dataset.heard = id;
    if (this.settings.paused) {
      this.waiting.push(moment);
      if (this.waiting.length > MOST_WAITING) this.waiting.shift();
    } else {
      this.add(moment, replayed);
    }
    if (this.told !== 'live') this.connectionChanged();
  }

  /** `past`: nobody is to be told of it aloud. */
  private add(moment: Moment, past: boolean): void {
    const added = this.history.add(moment);
    if (added === 'known') return;
    if (added === 'anew') this.polls.clear();
    this.polls.add(moment, this.history.moments[0]!.t);
    if (!past) this.announcer.tierChanges(moment.events);
    this.heardAt = performance.now();
    this.stale = true;
  }

  private pauseChanged(): void {
    setText(found('#pause'), this.settings.paused ? 'Go on' : 'Pause');
    if (!this.settings.paused) {
      for (const moment of this.waiting) this.add(moment, true);
      this.waiting = [];
    }
    // At a pause, too: what was heard before it is shown before it.
    this.show();
  }

  private connectionChanged(): void {
    this.connection.watch();
    const state = showConnection(this.connection);
    if (state !== this.told && this.told !== undefined) this.announcer.say(CONNECTION_TEXTS[state]);
    this.told = state;
  }

  private themeChanged(): void {
    const theme = readTheme();
    this.timeline.setTheme(theme);
    this.charts.setTheme(theme);
    this.show();
  }

  private frame(now: number): void {
    // First: whatever goes wrong in this one, the next comes.
    requestAnimationFrame((next) => this.frame(next));
    if (this.stale) this.show();
    else if (this.moves(now)) this.draw(now);
  }

  /** The timeline glides, as smoothly as its window shows; not where that is not wished for. */
  private moves(now: number): boolean {
    const between = Math.max(50, this.settings.windowSeconds * 1.5);
    return !this.settings.paused && !wantsStillness() && now - this.drawnAt >= between && now - this.heardAt < 1_000;
  }

  /** What was heard last is reached half a second later: bars in flight grow steadily, and never beyond what is known. */
  private draw(now: number): void {
    const last = this.history.last;
    if (!last) return;
    this.drawnAt = now;
    const behind = wantsStillness() || this.settings.paused ? 0 : Math.max(0, MOMENT_SECONDS - (now - this.heardAt) / 1000);
    this.timeline.draw(last.t - behind);
  }

  private endedLeftOut(from: number): number {
    return this.history.since(from).reduce((sum, moment) => sum + moment.endedLeftOut, 0);
  }

  private show(): void {
    this.stale = false;
    const last = this.history.last;
    if (!last) return;
    document.body.dataset.moment = `${last.epoch}-${last.n}`;
    const {filter, windowSeconds} = this.settings;
    const {moments} = this.history;
    const across = marks(this.history, filter);
    const empty = last.services.length === 0;
    found('#empty').hidden = !empty;
    found('#watching').hidden = empty && this.polls.lanes.size === 0 && !moments.some((moment) => moment.classes.length > 0);
    this.classes.follow(this.history);
    showDaemon(this.history, this.classes.exceptions(last));
    this.settings.offerServices(last.services.map((service) => service.name));
    showServices(last.services, filter);
    this.timeline.show({last, polls: this.polls, endedLeftOut: this.endedLeftOut(last.t - windowSeconds), marks: across, filter, windowSeconds});
    this.draw(performance.now());
    this.classTable.show(this.classes.rows(moments, filter), last.classesLeftOut);
    this.charts.show({moments: this.history.since(last.t - windowSeconds - 1), marks: across, filter, windowSeconds, to: last.t});
    this.events.show(this.history, filter);
    showLongPolls(this.polls, filter, last.t - windowSeconds);
  }
}

new Page().start();
