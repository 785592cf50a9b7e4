import { send, stopAnswer } from '../../state/chat/answer.ts';
import { setDraft } from '../../state/chat/conversations.ts';
import { useChat } from '../../state/chat/store.ts';
import { useServingMachine } from '../../state/machines.ts';
import { Button } from '../../widgets/buttons.tsx';

/** Where a person writes. What is written is kept as it is typed. */
export function Composer() {
  const draft = useChat(({ current }) => current.draft);
  const busy = useChat(({ live }) => live !== null);
  const serving = useServingMachine() !== null;
  return (
    <form
      className="chat-composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        className="field"
        data-autofocus=""
        rows={1}
        aria-label="Message"
        placeholder={serving ? 'Ask the model' : 'Ask; the machine is built and started first'}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            send();
          } else if (event.key === 'Escape' && busy) stopAnswer();
        }}
      />
      {busy ? (
        <Button icon="debug-stop" onClick={stopAnswer}>
          Stop
        </Button>
      ) : (
        <Button kind="primary" icon="send" disabled={draft.trim() === ''} onClick={send}>
          {serving ? 'Send' : 'Start and send'}
        </Button>
      )}
    </form>
  );
}
