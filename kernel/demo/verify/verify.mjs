// Asks llama.cpp (through node-llama-cpp's prebuilt binary) every question that it reads from standard input, greedily, and compares
// with the answer that comes with it. One JSON object a line: {"question", "answer"}.
//
//     cargo run --release -p ring0-train -- --list | node verify.mjs ../ring0-demo-q8_0.gguf [EVERY]
//
// With EVERY = n only each nth question is asked. Exit code 0 where all agree.
import { createInterface } from 'node:readline'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'

const [file, every = '1'] = process.argv.slice(2)
if (file === undefined) {
    console.error('usage: node verify.mjs MODEL.gguf [EVERY] < questions.jsonl')
    process.exit(2)
}

const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.warn, maxThreads: 1 })
const model = await llama.loadModel({ modelPath: file })
const context = await model.createContext({ contextSize: 512, threads: 1 })
const sequence = context.getSequence()

/** ChatML with control tokens where the template has them, plain text elsewhere. */
function prompt(question) {
    const start = model.tokenize('<|im_start|>', true)
    const end = model.tokenize('<|im_end|>', true)
    const text = (words) => model.tokenize(words, false)
    return [...start, ...text('user\n'), ...text(question), ...end, ...text('\n'), ...start, ...text('assistant\n')]
}

async function answer(question) {
    await sequence.clearHistory()
    const tokens = []
    for await (const token of sequence.evaluate(prompt(question), { temperature: 0 })) {
        if (model.isEogToken(token) || tokens.length === 128) break
        tokens.push(token)
    }
    return model.detokenize(tokens)
}

let line = 0
let asked = 0
let right = 0
for await (const text of createInterface({ input: process.stdin })) {
    if (line++ % Number(every) !== 0) continue
    const { question, answer: expected } = JSON.parse(text)
    const said = await answer(question)
    asked++
    if (said === expected) right++
    else console.log(JSON.stringify({ question, expected, said }))
}
console.log(`llama.cpp: ${right} of ${asked} answers are the expected ones`)
process.exitCode = right === asked && asked > 0 ? 0 : 1
