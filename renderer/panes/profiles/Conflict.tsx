import { keepMine, revertProfile, useProfiles } from '../../state/profiles.ts';
import { Button } from '../../widgets/buttons.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { shownValue } from './values.ts';

/** Somebody else has written the file meanwhile: both versions, field by field, and the choice between them. */
export function Conflict({ name, differing }: { readonly name: string; readonly differing: readonly string[] }) {
  const disk = useProfiles((state) => state.sources.get(name)?.file);
  const mine = useProfiles((state) => state.edited.get(name)?.draft);
  return (
    <div className="note note-error profiles-conflict" role="alert">
      <Icon name="warning" />
      <div className="note-body">
        <p>
          {disk === undefined
            ? `${name}.json was deleted while it was being changed here.`
            : `${name}.json was changed on the disk while it was being changed here.`}
        </p>
        {disk === undefined || mine === undefined ? null : (
          <table>
            <thead>
              <tr>
                <th scope="col">Field</th>
                <th scope="col">On the disk</th>
                <th scope="col">Here</th>
              </tr>
            </thead>
            <tbody>
              {differing.map((field) => (
                <tr key={field}>
                  <th scope="row">{field}</th>
                  <td>{shownValue((disk as Record<string, unknown>)[field])}</td>
                  <td>{shownValue(mine[field])}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <div className="profiles-choices">
          <Button onClick={() => keepMine(name)}>Keep mine</Button>
          <Button onClick={() => revertProfile(name)}>
            {disk === undefined ? 'Let it go' : 'Take what is on the disk'}
          </Button>
        </div>
      </div>
    </div>
  );
}
