/** The answer that is being made. */
export interface LiveAnswer {
  readonly conversation: string;
  readonly node: string;
  /** `machine`: there is none yet, and one is being started. `loading`: it boots. `prompt`: it reads. `answer`: it writes. */
  readonly phase: 'machine' | 'loading' | 'prompt' | 'answer';
  readonly step: string;
  /** Of the prompt, in tokens; null until the guest says. */
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly since: number;
}

/** What the person reads while nothing has been written yet. */
export function liveWords({ phase, step, progress }: LiveAnswer): string {
  switch (phase) {
    case 'machine':
      return step === '' ? 'Preparing a machine' : capital(step);
    case 'loading':
      return step === '' ? 'Waiting for the guest' : `Booting: ${step}`;
    case 'prompt':
      return progress === null
        ? 'Reading the prompt'
        : `Reading the prompt: ${progress.done} of ${progress.total} tokens`;
    case 'answer':
      return 'Answering';
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
