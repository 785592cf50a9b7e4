/** Runs from the page's first instruction: when the editor shows text, and when a key has changed it. Times from the navigation's start. */
export const LOAD_PROBE = `(() => {
  const lines = () => document.querySelector('.monaco-editor .view-lines');
  const afterPaint = (then) => requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel(); port1.onmessage = then; port2.postMessage(0); });
  let typed;
  window.ring0Typed = new Promise((resolve) => { typed = resolve; });
  window.ring0Shown = new Promise((resolve) => {
    const look = () => {
      const text = lines()?.textContent ?? '';
      if (text.trim() === '') return requestAnimationFrame(look);
      afterPaint(() => {
        resolve(performance.now());
        const before = lines().textContent;
        new MutationObserver((_, observer) => {
          if (lines().textContent.length <= before.length) return;
          observer.disconnect();
          afterPaint(() => typed(performance.now()));
        }).observe(lines(), { subtree: true, childList: true, characterData: true });
      });
    };
    look();
  });
})()`;

export interface TypingReport {
  /** From each key's event to the frame in which its character is seen, milliseconds. */
  readonly latencies: readonly number[];
  /** Tasks of the page's main thread above 50 ms. */
  readonly longTasks: readonly number[];
  readonly frames: number;
  readonly seconds: number;
}

/** Measures every key until \`ring0TypingEnds()\`, which gives the report. */
export const TYPING_PROBE = `(() => {
  const latencies = [], longTasks = [], pressed = [];
  const started = performance.now();
  let frames = 0, going = true;
  const count = () => { frames += 1; if (going) requestAnimationFrame(count); };
  requestAnimationFrame(count);
  const onKey = (event) => { pressed.push(event.timeStamp); };
  document.addEventListener('keydown', onKey, true);
  const tasks = new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) longTasks.push(duration); });
  tasks.observe({ type: 'longtask' });
  const editor = document.activeElement.closest('.monaco-editor');
  const text = new MutationObserver(() => {
    const mine = pressed.splice(0);
    if (mine.length === 0) return;
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => { const now = performance.now(); for (const at of mine) latencies.push(now - at); };
      port2.postMessage(0);
    });
  });
  text.observe(editor.querySelector('.view-lines'), { subtree: true, childList: true, characterData: true });
  window.ring0TypingEnds = () => {
    going = false; text.disconnect(); tasks.disconnect();
    document.removeEventListener('keydown', onKey, true);
    return { latencies, longTasks, frames, seconds: (performance.now() - started) / 1000 };
  };
})()`;

export interface PageReport {
  readonly messages: number;
  /** Characters or bytes. */
  readonly size: number;
  readonly seconds: number;
  /** When the processor's registers were shown anew, in milliseconds since 1970. */
  readonly shownAt: readonly number[];
}

/** Runs from the page's first instruction: counts what comes over its WebSockets and what it shows, from `ring0PageStarts()` to `ring0PageEnds()`. */
export const PAGE_PROBE = `(() => {
  let messages = 0, size = 0, shownAt = [], started = 0;
  const count = ({ data }) => { messages += 1; size += data.length ?? data.size ?? data.byteLength; };
  window.WebSocket = class extends WebSocket {
    constructor(...args) { super(...args); this.addEventListener('message', count); }
  };
  const registers = new MutationObserver(() => shownAt.push(Date.now()));
  window.ring0PageStarts = () => {
    registers.observe(document.querySelector('.cpu-general'), { subtree: true, characterData: true, childList: true });
    messages = 0; size = 0; shownAt = []; started = performance.now();
  };
  window.ring0PageEnds = () => ({ messages, size, seconds: (performance.now() - started) / 1000, shownAt });
})()`;
