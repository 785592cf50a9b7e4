import { EXTERNAL, isExternal } from '../../../app/contract/external.ts';
import { monaco } from '../monaco.ts';

/** The name under which Monaco has a file. */
export const uriOf = (path: string) =>
  isExternal(path)
    ? monaco.Uri.from({ scheme: 'external', path: path.slice(EXTERNAL.length) })
    : monaco.Uri.from({ scheme: 'file', path: `/${path}` });
/** The way back; null for a model that is no file. */
export const pathOfUri = ({ scheme, path }: { readonly scheme: string; readonly path: string }): string | null =>
  scheme === 'file' ? path.slice(1) : scheme === 'external' ? `${EXTERNAL}${path}` : null;
