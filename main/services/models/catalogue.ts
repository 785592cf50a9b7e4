/** A small instruct model that the kernel runs, and where it is published. */
export interface KnownModel {
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly fileName: string;
  readonly approximateBytes: number;
  readonly licence: string;
}

/** The file's SHA-256 is told by Hugging Face itself (`X-Linked-Etag`) when it is fetched. */
function huggingFace(
  name: string,
  title: string,
  repository: string,
  fileName: string,
  approximateBytes: number,
  licence: string,
): KnownModel {
  return {
    name,
    title,
    url: `https://huggingface.co/${repository}/resolve/main/${fileName}`,
    fileName,
    approximateBytes,
    licence,
  };
}

export const CATALOGUE: readonly KnownModel[] = [
  huggingFace(
    'smollm2-135m',
    'SmolLM2 135M Instruct, Q8_0',
    'bartowski/SmolLM2-135M-Instruct-GGUF',
    'SmolLM2-135M-Instruct-Q8_0.gguf',
    145e6,
    'Apache-2.0',
  ),
  huggingFace(
    'smollm2-360m',
    'SmolLM2 360M Instruct, Q8_0',
    'bartowski/SmolLM2-360M-Instruct-GGUF',
    'SmolLM2-360M-Instruct-Q8_0.gguf',
    386e6,
    'Apache-2.0',
  ),
  huggingFace(
    'tinyllama-1.1b',
    'TinyLlama 1.1B Chat v1.0, Q8_0',
    'TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF',
    'tinyllama-1.1b-chat-v1.0.Q8_0.gguf',
    1.17e9,
    'Apache-2.0',
  ),
  huggingFace(
    'llama-3.2-1b',
    'Llama 3.2 1B Instruct, Q8_0',
    'bartowski/Llama-3.2-1B-Instruct-GGUF',
    'Llama-3.2-1B-Instruct-Q8_0.gguf',
    1.32e9,
    'Llama 3.2 Community Licence',
  ),
];
