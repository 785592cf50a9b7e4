import './controls.css';

/** A dot in the colour of a state; the words stand beside it. */
export function StateDot({ tone }: { readonly tone: 'live' | 'busy' | 'idle' | 'bad' }) {
  return <span aria-hidden="true" className="state-dot" data-tone={tone} />;
}
