import type { ClientContext, ClientLink } from '@orpc/client';
import { type AnyContractRouter, getEventIteratorSchemaDetails, isContractProcedure } from '@orpc/contract';

/** An answer or an event that is not what the contract says: page and host are of different versions, or one of them has a bug. */
export class ContractError extends Error {
  /** `machines.serial`. */
  readonly procedure: string;
  /** `info.forwards[0].host`; empty for the whole. */
  readonly field: string;

  constructor(procedure: string, field: string, why: string) {
    super(
      `${procedure}: what the service host sent does not fit the contract${field === '' ? '' : ` at ${field}`}: ${why}`,
    );
    this.name = 'ContractError';
    this.procedure = procedure;
    this.field = field;
  }
}

/** What a schema of any library offers (standardschema.dev); zod's answer at once. */
interface StandardSchema {
  readonly '~standard': {
    validate(value: unknown): Outcome | Promise<Outcome>;
  };
}
type Outcome =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] };

/**
 * A link whose answers and events are held against the contract, as the host holds its inputs: whatever a client of it gets is what its
 * types say. A stream with an event that does not fit is left, and throws.
 */
export function checkedLink<T extends ClientContext>(link: ClientLink<T>, contract: AnyContractRouter): ClientLink<T> {
  return {
    call: async (path, input, options) => {
      const name = path.join('.');
      const schema = outputSchema(contract, path);
      if (schema === undefined) throw new Error(`the contract has no procedure ${name}`);
      const events = getEventIteratorSchemaDetails(schema as never);
      const output = await link.call(path, input, options);
      if (events === undefined) return check(name, schema, output);
      if (!isIterator(output)) throw new ContractError(name, '', 'a stream was expected');
      return checkedStream(name, events.yields as unknown as StandardSchema, output);
    },
  };
}

function outputSchema(contract: AnyContractRouter, path: readonly string[]): StandardSchema | undefined {
  let at: unknown = contract;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[step];
  }
  return isContractProcedure(at) ? (at['~orpc'].outputSchema as StandardSchema | undefined) : undefined;
}

async function check(name: string, schema: StandardSchema, value: unknown): Promise<unknown> {
  const validated = schema['~standard'].validate(value);
  const outcome = validated instanceof Promise ? await validated : validated;
  if (outcome.issues === undefined) return outcome.value;
  const [issue] = outcome.issues;
  throw new ContractError(name, fieldOf(issue?.path ?? []), issue?.message ?? 'it is something else');
}

type Stream = AsyncIterator<unknown>;

function isIterator(value: unknown): value is Stream {
  return typeof value === 'object' && value !== null && 'next' in value && typeof value.next === 'function';
}

/** By hand rather than as a generator: leaving it must not wait for an event that never comes. */
function checkedStream(name: string, schema: StandardSchema, source: Stream) {
  const end = async () => {
    await source.return?.();
    return { done: true as const, value: undefined };
  };
  return {
    async next(): Promise<IteratorResult<unknown>> {
      const step = await source.next();
      if (step.done === true) return step;
      try {
        return { done: false, value: await check(name, schema, step.value) };
      } catch (thrown) {
        await end();
        throw thrown;
      }
    },
    return: end,
    throw: async (thrown: unknown): Promise<IteratorResult<unknown>> => {
      await end();
      throw thrown;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** `machines[0].info.id`. */
function fieldOf(path: readonly unknown[]): string {
  return path
    .map((step) => (typeof step === 'object' && step !== null && 'key' in step ? step.key : step))
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at === 0 ? '' : '.'}${String(step)}`))
    .join('');
}
