// What a person has chosen to see. It stands in the address, so that a link shows the same.
import {found, made} from './element';
import type {Filter} from './filter';

export class Settings {
  readonly filter: Filter = {service: '', class: ''};
  windowSeconds = 60;
  paused = false;

  private readonly service = found<HTMLSelectElement>('#service');
  private readonly class = found<HTMLInputElement>('#class');
  private readonly pause = found<HTMLButtonElement>('#pause');
  private known = '';

  constructor(onChange: () => void, onPause: () => void) {
    this.fromAddress();
    addEventListener('hashchange', () => {
      this.fromAddress();
      onChange();
    });
    const changed = (): void => {
      this.toAddress();
      onChange();
    };
    found('form.controls').addEventListener('submit', (event) => event.preventDefault());
    this.service.addEventListener('change', () => {
      this.filter.service = this.service.value;
      changed();
    });
    this.class.addEventListener('input', () => {
      this.filter.class = this.class.value.toLowerCase();
      changed();
    });
    found('#window').addEventListener('change', (event) => {
      this.windowSeconds = Number((event.target as HTMLInputElement).value);
      changed();
    });
    this.pause.addEventListener('click', () => {
      this.paused = !this.paused;
      this.pause.setAttribute('aria-pressed', String(this.paused));
      onPause();
    });
  }

  /** The services to choose from; the chosen one stays, whether it is there or not. */
  offerServices(names: readonly string[]): void {
    const all = [...new Set(this.filter.service ? [...names, this.filter.service] : names)].sort();
    if (all.join('\n') === this.known) return;
    this.known = all.join('\n');
    const options = all.map((name) => {
      const option = made('option', {}, name);
      option.value = name;
      return option;
    });
    this.service.replaceChildren(this.service.options[0]!, ...options);
    this.service.value = this.filter.service;
  }

  private fromAddress(): void {
    const chosen = new URLSearchParams(location.hash.slice(1));
    this.filter.service = chosen.get('service') ?? '';
    this.class.value = chosen.get('class') ?? '';
    this.filter.class = this.class.value.toLowerCase();
    this.offerServices([]);
    this.service.value = this.filter.service;
    const radio = document.querySelector<HTMLInputElement>(`#window input[value="${Number(chosen.get('window') ?? 60)}"]`);
    if (!radio) return;
    radio.checked = true;
    this.windowSeconds = Number(radio.value);
  }

  private toAddress(): void {
    const chosen = new URLSearchParams();
    if (this.filter.service) chosen.set('service', this.filter.service);
    if (this.class.value) chosen.set('class', this.class.value);
    if (this.windowSeconds !== 60) chosen.set('window', String(this.windowSeconds));
    history.replaceState(null, '', `#${chosen}`);
  }
}
