import { followProblems, useProblems } from '../../state/problems.ts';
import { Icon } from '../../widgets/Icon.tsx';
import { StatusEntry } from '../../widgets/StatusEntry.tsx';
import { registerStatusItem } from '../../workbench/contributions.ts';
import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { ProblemsPane } from './ProblemsPane.tsx';

followProblems();

function ProblemStatus() {
  const { errors, warnings } = useProblems((state) => state.counts);
  const title = `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  return (
    <StatusEntry tone={errors > 0 ? 'error' : undefined} title={title} onClick={() => showPane('problems')}>
      <span className="problems-status" aria-hidden="true">
        <Icon name="error" /> {errors} <Icon name="warning" /> {warnings}
      </span>
      <span className="visually-hidden">{title}</span>
    </StatusEntry>
  );
}

registerStatusItem({ id: 'problems', side: 'left', order: 10, component: ProblemStatus });

registerPane({
  id: 'problems',
  title: 'Problems',
  icon: 'warning',
  component: ProblemsPane,
  defaultLocation: 'bottom',
  order: 10,
  useBadge: () => {
    const { errors, warnings } = useProblems((state) => state.counts);
    return errors + warnings;
  },
  commands: [
    {
      id: 'problems.focus',
      title: 'Go to Problems',
      category: 'Build',
      keybinding: 'Mod+Shift+M',
      run: () => showPane('problems'),
    },
  ],
});
