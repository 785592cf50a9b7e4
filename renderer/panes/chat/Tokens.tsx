import { type KeyboardEvent, useId, useState } from 'react';
import type { AnswerToken } from '../../../app/contract/index.ts';
import { percent, visibleToken } from '../../state/chat/tree.ts';

/** An answer token by token: the less likely, the stronger its mark; the one under the pointer with its alternatives. */
export function Tokens({ tokens }: { readonly tokens: readonly AnswerToken[] }) {
  const name = useId();
  const [active, setActive] = useState(0);
  const shown = tokens[active];
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setActive((at) => Math.min(tokens.length - 1, Math.max(0, at + step)));
  };
  return (
    <div className="chat-probabilities">
      <div
        className="chat-tokens"
        role="listbox"
        aria-label="Tokens of the answer"
        aria-activedescendant={`${name}${active}`}
        tabIndex={0}
        onKeyDown={move}
      >
        {tokens.map(({ text, logprob }, index) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: a token's name is its place
            key={index}
            id={`${name}${index}`}
            role="option"
            aria-selected={index === active}
            aria-label={`${visibleToken(text)}, ${percent(logprob)}`}
            className="chat-token"
            data-doubt={doubtOf(logprob)}
            onPointerEnter={() => setActive(index)}
          >
            {text}
          </span>
        ))}
      </div>
      {shown === undefined ? null : <Alternatives token={shown} />}
    </div>
  );
}

function Alternatives({ token }: { readonly token: AnswerToken }) {
  const others = token.alternatives.some(({ text }) => text === token.text)
    ? token.alternatives
    : [token, ...token.alternatives];
  return (
    <table className="chat-alternatives">
      <caption className="visually-hidden">What else this token might have been</caption>
      <tbody>
        {others.map(({ text, logprob }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two tokens may look alike
          <tr key={index} data-chosen={text === token.text ? '' : undefined}>
            <th scope="row">{visibleToken(text)}</th>
            <td className="chat-bar">
              <span style={{ width: `${Math.max(0.5, Math.exp(logprob) * 100)}%` }} />
            </td>
            <td>{percent(logprob)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** 0 sure to 4 a guess. */
function doubtOf(logprob: number): number {
  const p = Math.exp(logprob);
  return p > 0.9 ? 0 : p > 0.6 ? 1 : p > 0.3 ? 2 : p > 0.1 ? 3 : 4;
}
