import { type Disposable, toDisposable } from '../../app/base/disposable.ts';
import { ownSessionShare, type SessionShare } from './session-share.ts';

/** The least that there is: whoever only looks takes what the guest leaves. */
const LEAST = 19;
/** How often it is looked whether the rest is enough. */
const LOOK_MS = 1000;
/** Who has waited for more than this share of the time gets too little to be of use. */
const STARVED = 0.25;
/** After that, for so long the session has its full share; twice as long each time. */
const RECOVERY_MS = 10_000;
const LONGEST_RECOVERY_MS = 600_000;

/**
 * While somebody watches a running machine, the page, what draws it, and this host take the processors that the machine leaves: looking is
 * not to change what is looked at. QEMU runs in a session of its own, and Linux shares processors between sessions first. Where too little
 * is left, as beside a build on every processor, the session soon has its full share again: nobody is to wait for a key that was pressed.
 */
export class GiveWay implements Disposable {
  readonly #share: SessionShare | null;
  #holders = 0;
  #timer: NodeJS.Timeout | undefined;
  #gives = false;
  #lookedAt = 0;
  #waitedMs = 0;
  #recoveryMs = RECOVERY_MS;
  #recoversUntil = 0;

  constructor(share: SessionShare | null = ownSessionShare()) {
    this.#share = share;
  }

  /** Gives way until the last who wants it is disposed. */
  hold(): Disposable {
    this.#holders += 1;
    if (this.#holders === 1) {
      this.#recoveryMs = RECOVERY_MS;
      this.#recoversUntil = 0;
      this.#look();
    }
    return toDisposable(() => {
      this.#holders -= 1;
      if (this.#holders === 0) this.#look();
    });
  }

  /** Ends it, whoever wants it. */
  dispose(): void {
    this.#holders = 0;
    this.#look();
    clearInterval(this.#timer);
  }

  #look(): void {
    const share = this.#share;
    if (share === null) return;
    const now = performance.now();
    const waited = share.waitedMs();
    const starves = this.#gives && waited - this.#waitedMs > STARVED * (now - this.#lookedAt);
    this.#lookedAt = now;
    this.#waitedMs = waited;
    if (starves) {
      this.#recoversUntil = now + this.#recoveryMs;
      this.#recoveryMs = Math.min(2 * this.#recoveryMs, LONGEST_RECOVERY_MS);
    }
    const wants = this.#holders > 0 && now >= this.#recoversUntil;
    if (wants !== this.#gives && share.setNice(wants ? LEAST : share.nice)) this.#gives = wants;
    const goesOn = this.#holders > 0 || this.#gives;
    if (!goesOn) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#look(), LOOK_MS);
      this.#timer.unref();
    }
  }
}
