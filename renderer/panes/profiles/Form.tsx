import { type ReactNode, useId } from 'react';
import {
  inherited,
  type ProfileDraft,
  type ProfileField,
  type ProfileFiles,
  possibleBases,
} from '../../../app/machine/profile-draft.ts';
import type { ProfileIssue } from '../../../app/machine/profile-rules.ts';
import { setField } from '../../state/profiles.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { CONTROLS } from './controls.tsx';
import { FIELD_GROUPS, fieldInfo } from './fields.ts';
import { shownValue } from './values.ts';

interface FormProps {
  readonly name: string;
  readonly draft: ProfileDraft;
  readonly files: ProfileFiles;
  readonly issues: readonly ProfileIssue[];
}

/** Every field of the schema, in groups. */
export function Form({ name, draft, files, issues }: FormProps) {
  return (
    <form className="profiles-form" onSubmit={(event) => event.preventDefault()}>
      <Base name={name} draft={draft} files={files} issues={issues} />
      {FIELD_GROUPS.map(({ title, fields }) => (
        <fieldset key={title}>
          <legend>{title}</legend>
          {fields.map((field) => (
            <Field key={field} name={name} field={field} draft={draft} files={files} issues={issues} />
          ))}
        </fieldset>
      ))}
    </form>
  );
}

/** What the profile starts from. */
function Base({ name, draft, files, issues }: FormProps) {
  const id = useId();
  const bases = possibleBases(name, files);
  const base = typeof draft.extends === 'string' ? draft.extends : '';
  return (
    <Row id={id} title="Extends" description={fieldInfo('extends').description} issues={of(issues, 'extends')}>
      <select
        id={id}
        className="field"
        value={base}
        aria-describedby={`${id}-text`}
        onChange={(event) => setField(name, 'extends', event.target.value === '' ? undefined : event.target.value)}
      >
        <option value="">nothing: defaults only</option>
        {base === '' || bases.includes(base) ? null : <option value={base}>{base}</option>}
        {bases.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </Row>
  );
}

/** The issues of a field and of what is in it. */
function of(issues: readonly ProfileIssue[], field: string): ProfileIssue[] {
  return issues.filter((issue) => issue.field === field || issue.field.startsWith(`${field}[`));
}

function Field({ name, field, draft, files, issues }: FormProps & { readonly field: ProfileField }) {
  const id = useId();
  const info = fieldInfo(field);
  const from = inherited(draft, field, files);
  const own = draft[field] !== undefined;
  const wrong = of(issues, field);
  const Control = CONTROLS[info.kind];
  return (
    <Row
      id={id}
      title={info.title}
      description={info.description}
      issues={wrong}
      own={own}
      origin={
        own ? (
          <IconButton
            icon="discard"
            label={`${info.title}: inherit again (${shownValue(from.value)})`}
            onClick={() => setField(name, field, undefined)}
          />
        ) : (
          <Button
            kind="quiet"
            aria-label={`${info.title}: override`}
            onClick={() => {
              setField(name, field, from.value);
              requestAnimationFrame(() => document.getElementById(id)?.focus());
            }}
          >
            Override
          </Button>
        )
      }
    >
      {own ? (
        <Control
          id={id}
          info={info}
          value={draft[field]}
          wrong={wrong.length > 0}
          onChange={(value) => setField(name, field, value)}
        />
      ) : (
        <output id={id} className="profiles-inherited">
          <span>{shownValue(from.value)}</span>
          <span className="profiles-from">{from.from === null ? 'default' : `from ${from.from}`}</span>
        </output>
      )}
    </Row>
  );
}

function Row({
  id,
  title,
  description,
  issues,
  own = true,
  origin,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly issues: readonly ProfileIssue[];
  readonly own?: boolean;
  readonly origin?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <div className="profiles-row" data-own={own ? '' : undefined} data-wrong={issues.length > 0 ? '' : undefined}>
      <div className="profiles-words">
        <label htmlFor={id}>{title}</label>
        <p id={`${id}-text`}>{description}</p>
      </div>
      <div className="profiles-control">
        {children}
        {issues.map(({ field, rule }) => (
          <p key={`${field} ${rule}`} className="profiles-issue" role="alert">
            <code>{field}</code> {rule}
          </p>
        ))}
      </div>
      <div className="profiles-origin">{origin}</div>
    </div>
  );
}
