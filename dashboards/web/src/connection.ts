// The stream of moments and how it stands. The browser reconnects by itself, and says what it saw last; where it gives up
// (a refused answer), another try is made here, each later than the one before.
export type ConnectionState = 'connecting' | 'live' | 'silent' | 'refused' | 'gone';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;
const SILENT_AFTER_MS = 5_000;
/** A connection that is silent for so long is given up: nobody said that it is broken. */
const GIVEN_UP_AFTER_MS = 20_000;
/** What the daemon has kept comes at once; after a pause of so long, what comes is of now. */
const LULL_MS = 250;

/** `replayed`: it is of the past, told because the stream has just begun. */
type OnMoment = (id: string, data: string, replayed: boolean) => void;

export class Connection {
  private source?: EventSource;
  private wait = FIRST_WAIT_MS;
  private triedAt = 0;
  private heardAt?: number;
  private heardId = '';
  /** Of the first moments of a stream: when the last of them came. */
  private replay: {at?: number} | undefined = {};
  private broken?: 'refused' | 'gone';

  constructor(private readonly address: string, private readonly onMoment: OnMoment, private readonly onChange: () => void) {}

  open(): void {
    const source = new EventSource(this.heardId ? `${this.address}?after=${encodeURIComponent(this.heardId)}` : this.address);
    this.source = source;
    this.triedAt = performance.now();
    source.addEventListener('open', () => this.opened());
    source.addEventListener('moment', (event) => this.heard(event as MessageEvent<string>));
    source.addEventListener('error', () => this.failed(source));
  }

  private opened(): void {
    this.triedAt = performance.now();
    this.replay = {};
    this.broken = undefined;
    this.onChange();
  }

  private heard(event: MessageEvent<string>): void {
    this.wait = FIRST_WAIT_MS;
    this.heardAt = performance.now();
    this.heardId = event.lastEventId;
    if (this.replay?.at !== undefined && this.heardAt - this.replay.at >= LULL_MS) this.replay = undefined;
    if (this.replay) this.replay.at = this.heardAt;
    this.onMoment(event.lastEventId, event.data, this.replay !== undefined);
  }

  private failed(source: EventSource): void {
    const refused = source.readyState === EventSource.CLOSED;
    this.broken = refused ? 'refused' : 'gone';
    this.onChange();
    if (!refused) return;
    this.source = undefined;
    setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  /** To be called now and then. */
  watch(): void {
    if (!this.source || performance.now() - Math.max(this.heardAt ?? 0, this.triedAt) < GIVEN_UP_AFTER_MS) return;
    this.broken = 'gone';
    this.source.close();
    this.open();
  }

  get state(): ConnectionState {
    if (this.broken) return this.broken;
    if (this.heardAt === undefined) return 'connecting';
    return this.ageMs! > SILENT_AFTER_MS ? 'silent' : 'live';
  }

  /** Since the last moment came. */
  get ageMs(): number | undefined {
    return this.heardAt === undefined ? undefined : performance.now() - this.heardAt;
  }
}
