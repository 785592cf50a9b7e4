import { ok, type Result } from '../../../app/base/result.ts';
import { isExternal } from '../../../app/contract/external.ts';
import type { FileContent } from '../../../app/contract/workspace.ts';
import { studio } from '../../host/client.ts';
import { monaco } from '../monaco.ts';
import { entries, type TextModel } from './entries.ts';
import { uriOf } from './uri.ts';

/** A file of the workspace, or one outside of it that the language server has named, which can only be looked at. */
export async function readFile(path: string): Promise<Result<FileContent>> {
  if (!isExternal(path)) return studio.workspace.read({ path });
  const source = await studio.language.source({ path });
  if (!source.ok) return source;
  return ok({ kind: 'text', path, text: source.value, etag: '', modifiedMs: 0, writable: false });
}

/** Texts that Monaco looks into without an editor of ours, such as the files of a list of references. */
const looked = new Map<string, TextModel>();
const MAX_LOOKED = 60;

/** Reads files for a look; gives those of `paths` that there is a model of now. */
export async function ensureModels(paths: readonly string[]): Promise<Set<string>> {
  const wanted = [...new Set(paths)].slice(0, MAX_LOOKED);
  await Promise.all(
    wanted.map(async (path) => {
      const uri = uriOf(path);
      if (monaco.editor.getModel(uri) !== null) return;
      const read = await readFile(path);
      if (!read.ok || read.value.kind !== 'text' || monaco.editor.getModel(uri) !== null) return;
      looked.set(path, monaco.editor.createModel(read.value.text, undefined, uri));
    }),
  );
  // The oldest go when there are many, unless somebody looks at them or they were opened since.
  for (const [path, model] of looked) {
    if (entries.has(path) || model.isDisposed()) looked.delete(path);
    else if (looked.size > MAX_LOOKED && !wanted.includes(path) && !model.isAttachedToEditor()) {
      looked.delete(path);
      model.dispose();
    }
  }
  return new Set(wanted.filter((path) => monaco.editor.getModel(uriOf(path)) !== null));
}
