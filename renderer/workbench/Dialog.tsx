import { useEffect, useRef } from 'react';
import { Button } from '../widgets/buttons.tsx';
import { answer, type DialogRequest, useDialog } from './dialog.ts';
import './dialog.css';

function Question({ request }: { readonly request: DialogRequest }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // `showModal` keeps the focus inside and gives it back.
  useEffect(() => {
    dialog.current?.showModal();
    dialog.current?.querySelector('button')?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        answer(null);
      }}
    >
      <h2 id="dialog-title">{request.title}</h2>
      <p>{request.detail}</p>
      <div className="dialog-buttons">
        {request.buttons.map((button, index) => (
          <Button key={button} kind={index === 0 ? 'primary' : 'secondary'} onClick={() => answer(button)}>
            {button}
          </Button>
        ))}
      </div>
    </dialog>
  );
}

/** The question that is open, if one is. */
export function Dialog() {
  const request = useDialog((state) => state.request);
  return request === null ? null : <Question key={request.title} request={request} />;
}
