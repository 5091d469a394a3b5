// The stream of moments and how it stands. The browser reconnects by itself, and says what it saw last; where it gives up
// (a refused answer), another try is made here, each later than the one before.
export type ConnectionState = 'connecting' | 'live' | 'silent' | 'gone';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;
const SILENT_AFTER_MS = 5_000;
/** A connection that is silent for so long is given up: nobody said that it is broken. */
const GIVEN_UP_AFTER_MS = 20_000;

export class Connection {
  private source?: EventSource;
  private wait = FIRST_WAIT_MS;
  private heardAt?: number;
  private broken = false;

  constructor(private readonly address: string, private readonly onMoment: (id: string, data: string) => void,
              private readonly onChange: () => void) {}

  open(): void {
    const source = new EventSource(this.address);
    this.source = source;
    source.addEventListener('moment', (event) => this.heard(event as MessageEvent<string>));
    source.addEventListener('error', () => this.failed(source));
  }

  private heard(event: MessageEvent<string>): void {
    this.wait = FIRST_WAIT_MS;
    this.heardAt = performance.now();
    const wasBroken = this.broken;
    this.broken = false;
    this.onMoment(event.lastEventId, event.data);
    if (wasBroken) this.onChange();
  }

  private failed(source: EventSource): void {
    this.broken = true;
    this.onChange();
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  /** To be called now and then. */
  watch(): void {
    if (this.broken || this.ageMs === undefined || this.ageMs < GIVEN_UP_AFTER_MS) return;
    this.broken = true;
    this.source?.close();
    this.open();
  }

  get state(): ConnectionState {
    if (this.broken) return 'gone';
    if (this.heardAt === undefined) return 'connecting';
    return this.ageMs! > SILENT_AFTER_MS ? 'silent' : 'live';
  }

  /** Since the last moment came. */
  get ageMs(): number | undefined {
    return this.heardAt === undefined ? undefined : performance.now() - this.heardAt;
  }
}
