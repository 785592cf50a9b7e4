// Times llama.cpp (prebuilt, by node-llama-cpp) on a model: node peer.mjs MODEL.gguf [threads] [prompt] [decode] [runs]
//
// Medians of some runs, as ring0-bench prints them. Each decoded token crosses from C++ to JavaScript and back, which costs some tens of
// microseconds: on models that decode thousands of tokens a second, compare with llama-bench instead.
import { getLlama } from "node-llama-cpp";

const [path, ...numbers] = process.argv.slice(2);
if (path === undefined) {
  console.error("usage: node peer.mjs MODEL.gguf [threads=1] [prompt=128] [decode=64] [runs=5]");
  process.exit(2);
}
const [threads = 1, prompt = 128, decode = 64, runs = 5] = numbers.map(Number);

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: threads });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({ contextSize: prompt + decode + 8, batchSize: 512, threads });
const sequence = context.getSequence();
const token = (n) => (Math.imul(n, 2654435761) >>> 0) % model.fileInfo.metadata.tokenizer.ggml.tokens.length;
const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];

async function timed(work) {
  const times = [];
  for (let run = 0; run < runs; run++) {
    await sequence.clearHistory();
    const start = performance.now();
    await work();
    times.push((performance.now() - start) / 1000);
  }
  return median(times);
}

const promptTokens = Array.from({ length: prompt }, (_, n) => token(n));
const promptSeconds = await timed(() => sequence.evaluateWithoutGeneratingNewTokens(promptTokens));
const decodeSeconds = await timed(async () => {
  let left = decode;
  for await (const _ of sequence.evaluate([token(0)], { temperature: 0, yieldEogToken: true })) if (--left === 0) break;
});
console.log(
  `llama.cpp ${threads} threads  prompt ${(prompt / promptSeconds).toFixed(1)} tokens/s  decode ${(decode / decodeSeconds).toFixed(1)} tokens/s`,
);
await llama.dispose();
