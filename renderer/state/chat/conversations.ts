import { stopAnswer } from './answer.ts';
import { change, forgetKept, keepNow, readConversation, stopKeeping } from './keeping.ts';
import { newId, useChat } from './store.ts';
import { newConversation, type Sampling, selectNode } from './tree.ts';

/** What a person does with conversations, short of asking. */

export function setDraft(draft: string): void {
  change((it) => ({ ...it, draft }));
}

export function setSystem(system: string): void {
  change((it) => ({ ...it, system }));
}

export function setSampling(sampling: Partial<Sampling>): void {
  change((it) => ({ ...it, sampling: { ...it.sampling, ...sampling } }));
}

export function showBranch(id: string): void {
  change((it) => selectNode(it, id));
}

/** Leaves the present conversation, which is kept, for a new one with the same settings. */
export function startConversation(): void {
  stopAnswer();
  void keepNow();
  useChat.setState(({ current }) => ({ current: newConversation(newId(), Date.now(), current) }));
}

export async function openConversation(id: string): Promise<void> {
  if (useChat.getState().current.id === id) return;
  stopAnswer();
  await keepNow();
  const kept = await readConversation(id);
  if (kept !== null) useChat.setState({ current: kept });
}

/** Forgets the present conversation and shows the newest of the others. */
export async function deleteConversation(): Promise<void> {
  stopAnswer();
  stopKeeping();
  const { current, index } = useChat.getState();
  const rest = index.filter(({ id }) => id !== current.id);
  const next = rest[0] === undefined ? null : await readConversation(rest[0].id);
  useChat.setState({ index: rest, current: next ?? newConversation(newId(), Date.now(), current) });
  await forgetKept(current.id, rest);
}
