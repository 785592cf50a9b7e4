import { useEffect, useState } from 'react';
import { messageOf } from '../../../app/base/result.ts';
import { studio } from '../../host/client.ts';
import { useChat } from '../../state/chat/store.ts';
import { CodeBlock } from '../../widgets/CodeBlock.tsx';
import { CopyButton } from '../../widgets/CopyButton.tsx';
import { copyText } from '../../widgets/clipboard.ts';

/** What went over the wire for one answer. */
export function RawView({ node }: { readonly node: string }) {
  const exchange = useChat(({ raw }) => raw.get(node));
  const [sent, setSent] = useState<{ command: string; url: string; body: string } | string | null>(null);
  useEffect(() => {
    if (exchange === undefined) return;
    let current = true;
    studio.chat.curl({ id: exchange.machine, request: exchange.request }).then(
      (curl) => current && setSent(curl.ok ? curl.value : curl.error.what),
      (thrown: unknown) => current && setSent(messageOf(thrown)),
    );
    return () => {
      current = false;
    };
  }, [exchange]);
  if (exchange === undefined) return null;
  const body = typeof sent === 'object' && sent !== null ? sent.body : JSON.stringify(exchange.request, null, 2);
  const response = exchange.response.join('\n');
  return (
    <div className="chat-raw">
      <div className="section-head">
        <h4>Request{typeof sent === 'object' && sent !== null ? ` to ${sent.url}` : ''}</h4>
        {typeof sent === 'object' && sent !== null ? (
          <button type="button" className="button button-quiet" onClick={() => void copyText(sent.command)}>
            Copy as curl
          </button>
        ) : null}
        <CopyButton label="Copy the request" text={() => body} />
      </div>
      <CodeBlock label="Request" text={body} />
      {typeof sent === 'string' ? <p className="chat-ending">{sent}</p> : null}
      <div className="section-head">
        <h4>Response, {exchange.response.length} events</h4>
        <CopyButton label="Copy the response" text={() => response} />
      </div>
      <CodeBlock label="Response" text={response} />
    </div>
  );
}
