import { Component, type ReactNode } from 'react';
import { Button } from '../widgets/buttons.tsx';
import { EmptyState } from '../widgets/EmptyState.tsx';

/** Keeps the bug of one pane from taking the others with it. */
export class ErrorBoundary extends Component<
  { readonly what: string; readonly children: ReactNode },
  { error: Error | null }
> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <EmptyState icon="bug" title={`${this.props.what} stopped with an error`}>
        <code>{error.message}</code>
        <Button onClick={() => this.setState({ error: null })}>Try again</Button>
      </EmptyState>
    );
  }
}
