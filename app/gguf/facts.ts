import type { ModelFacts } from '../contract/model.ts';
import type { GgufHeader } from './header.ts';

/** What the kernel's engine and tokenizers can do (kernel/engine, kernel/tokenizer). */
const ARCHITECTURES = ['llama'];
const TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'];
const TOKENIZERS = ['llama', 'gpt2'];

/** What a list of models says about one. */
export function modelFacts(header: GgufHeader): ModelFacts {
  const string = (key: string) => {
    const value = header.metadata.get(key);
    return typeof value === 'string' ? value : '';
  };
  const architecture = string('general.architecture');
  const context = Number(header.metadata.get(`${architecture}.context_length`));
  return {
    title: string('general.name'),
    architecture,
    parameters: header.tensors.reduce((sum, tensor) => sum + tensor.elements, 0),
    quantisation: commonestType(header),
    contextLength: Number.isSafeInteger(context) && context > 0 ? context : null,
    tensors: header.tensors.length,
    chatTemplate: string('tokenizer.chat_template') !== '',
    unsupported: obstacles(header, architecture, string('tokenizer.ggml.model')).join('; '),
  };
}

/** The type of most elements: norms are few and always F32. */
function commonestType({ tensors }: GgufHeader): string {
  const elements = new Map<string, number>();
  for (const tensor of tensors) elements.set(tensor.type, (elements.get(tensor.type) ?? 0) + tensor.elements);
  return [...elements].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'none';
}

function obstacles(header: GgufHeader, architecture: string, tokenizer: string): string[] {
  const types = [...new Set(header.tensors.map((tensor) => tensor.type))].filter((type) => !TYPES.includes(type));
  return [
    ...(ARCHITECTURES.includes(architecture)
      ? []
      : [`architecture ${architecture || 'unknown'}; the kernel runs ${ARCHITECTURES.join(', ')}`]),
    ...(types.length === 0 ? [] : [`weights in ${types.join(', ')}; the kernel reads ${TYPES.join(', ')}`]),
    ...(TOKENIZERS.includes(tokenizer)
      ? []
      : [`tokenizer ${tokenizer || 'missing'}; the kernel has ${TOKENIZERS.join(', ')}`]),
  ];
}
