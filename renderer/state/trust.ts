import { create } from 'zustand';
import { type Disposable, toDisposable } from '../../app/base/disposable.ts';
import { messageOf } from '../../app/base/result.ts';
import type { Trust } from '../../app/contract/trust.ts';
import { studio } from '../host/client.ts';
import { followForever } from '../host/follow.ts';
import { useLanguage } from './language.ts';
import { notify, notifyError } from './notifications.ts';

/** Why a person is asked now. */
export type TrustReason = 'build' | 'language' | 'manage';

interface TrustState {
  /** Null until the host has said it. */
  readonly trust: Trust | null;
  /** A question that waits for its answer; the window asks it. */
  readonly question: { readonly reason: TrustReason; readonly resolve: (trusted: boolean | null) => void } | null;
}

export const useTrust = create<TrustState>(() => ({ trust: null, question: null }));

export const isRestricted = ({ trust }: TrustState): boolean => trust?.kind === 'restricted';

/** Asks the person, and lets the host remember what they say. Whether the folder is trusted now. */
export async function askForTrust(reason: TrustReason): Promise<boolean> {
  const answer = await new Promise<boolean | null>((resolve) => {
    useTrust.getState().question?.resolve(null);
    useTrust.setState({ question: { reason, resolve } });
  });
  useTrust.setState({ question: null });
  if (answer !== null) await decide(answer);
  return useTrust.getState().trust?.kind === 'trusted';
}

/** Before the folder is built; asks where that is still open, whatever was said before: it is wanted now. */
export async function mayBuild(): Promise<boolean> {
  const { trust } = useTrust.getState();
  return trust?.kind !== 'restricted' || !trust.restrictsBuild || askForTrust('build');
}

async function decide(trusted: boolean): Promise<void> {
  try {
    const decided = await studio.trust.decide({ trusted });
    if (decided.ok) useTrust.setState({ trust: decided.value });
    else notifyError(decided.error);
  } catch (thrown) {
    notify({ severity: 'error', message: 'The decision was not kept', detail: messageOf(thrown) });
  }
}

/** Keeps the store equal to the host's, and asks once when a Rust file is open that rust-analyzer may not look at yet. */
export function followTrust(): Disposable {
  const following = followForever(
    (signal) => studio.trust.watch(undefined, { signal }),
    (trust) => {
      useTrust.setState({ trust });
      offer();
    },
  );
  const stop = useLanguage.subscribe(({ status }, before) => {
    if (status !== before.status) offer();
  });
  return toDisposable(() => {
    following.dispose();
    stop();
  });
}

let offered = false;

function offer(): void {
  const { trust } = useTrust.getState();
  if (offered || trust?.kind !== 'restricted' || trust.decided) return;
  if (useLanguage.getState().status.phase !== 'restricted') return;
  offered = true;
  void askForTrust('language');
}
