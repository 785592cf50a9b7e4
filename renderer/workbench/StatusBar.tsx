import { useStatusItems } from './contributions.ts';
import './status-bar.css';

/** The bar at the bottom. */
export function StatusBar() {
  const items = [...useStatusItems().values()].sort((a, b) => a.order - b.order);
  const side = (name: 'left' | 'right') =>
    items.filter((item) => item.side === name).map((item) => <item.component key={item.id} />);
  return (
    <footer className="status-bar" data-region="status">
      <div className="status-side">{side('left')}</div>
      <div className="status-side">{side('right')}</div>
    </footer>
  );
}
