import { useId, useMemo, useState } from 'react';
import { DEFAULT_SETTINGS, type Settings } from '../../../app/contract/settings.ts';
import { changeSettings, useSettings } from '../../state/settings.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { Keybindings } from './Keybindings.tsx';
import { GROUPS, readValue, type SettingField, settingFields } from './schema.ts';
import './settings.css';

function Control({
  field,
  value,
  id,
}: {
  readonly field: SettingField;
  readonly value: Settings[SettingField['key']];
  readonly id: string;
}) {
  const { key, shape } = field;
  const shown = Array.isArray(value) ? value.join(', ') : String(value);
  const [typed, setTyped] = useState<string | null>(null);
  const wrong = typed !== null && readValue(shape, typed) === null;
  const set = (next: unknown) => void changeSettings({ [key]: next });

  if (shape.kind === 'switch') {
    return (
      <input
        id={id}
        type="checkbox"
        className="switch"
        checked={value === true}
        aria-describedby={`${id}-text`}
        onChange={(event) => set(event.target.checked)}
      />
    );
  }
  if (shape.kind === 'choice') {
    return (
      <select
        id={id}
        className="setting-input"
        value={shown}
        aria-describedby={`${id}-text`}
        onChange={(event) => set(event.target.value)}
      >
        {shape.choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      id={id}
      type="text"
      className={shape.kind === 'number' ? 'setting-input setting-number' : 'setting-input'}
      inputMode={shape.kind === 'number' ? 'decimal' : 'text'}
      value={typed ?? shown}
      aria-invalid={wrong}
      aria-describedby={`${id}-text`}
      title={wrong && shape.kind === 'number' ? `From ${shape.minimum} to ${shape.maximum}` : undefined}
      spellCheck={false}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={() => {
        if (typed !== null && !wrong && typed !== shown) set(readValue(shape, typed));
        setTyped(null);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
        if (event.key === 'Escape') setTyped(null);
      }}
    />
  );
}

function Setting({ field }: { readonly field: SettingField }) {
  const value = useSettings((state) => state.settings[field.key]);
  const id = useId();
  const isDefault = JSON.stringify(value) === JSON.stringify(DEFAULT_SETTINGS[field.key]);
  return (
    <div className="setting">
      <div className="setting-words">
        <label htmlFor={id}>{field.title}</label>
        <p id={`${id}-text`}>{field.description}</p>
      </div>
      <Control field={field} value={value} id={id} />
      <span className="setting-reset">
        {isDefault ? null : (
          <IconButton
            icon="discard"
            label={`Reset ${field.title}`}
            onClick={() => void changeSettings({ [field.key]: DEFAULT_SETTINGS[field.key] })}
          />
        )}
      </span>
    </div>
  );
}

/** All settings, as their schema describes them, and the keys. */
export function SettingsPane() {
  const { problems, path } = useSettings();
  const [filter, setFilter] = useState('');
  const fields = useMemo(settingFields, []);
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const matching = fields.filter((field) =>
    words.every((word) => `${field.title} ${field.description} ${field.group}`.toLowerCase().includes(word)),
  );
  return (
    <div className="settings">
      <div className="settings-page">
        <h1>Settings</h1>
        <input
          type="search"
          className="setting-input settings-filter"
          placeholder="Search settings and keys"
          aria-label="Search settings and keys"
          data-autofocus
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
        {problems.length === 0 ? null : (
          <div className="settings-problems" role="alert">
            <p>Parts of the settings file were not understood and are at their defaults:</p>
            <ul>
              {problems.map((problem) => (
                <li key={problem}>{problem}</li>
              ))}
            </ul>
          </div>
        )}
        {GROUPS.map((group) => {
          const inGroup = matching.filter((field) => field.group === group);
          return inGroup.length === 0 ? null : (
            <section key={group} aria-label={group}>
              <h2>{group}</h2>
              {inGroup.map((field) => (
                <Setting key={field.key} field={field} />
              ))}
            </section>
          );
        })}
        <Keybindings words={words} />
        {path === '' ? null : (
          <p className="settings-path">
            Kept in <code>{path}</code>
          </p>
        )}
      </div>
    </div>
  );
}
