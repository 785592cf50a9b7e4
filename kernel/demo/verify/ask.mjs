// Asks a served model (ring0-serve on the host, or a booted guest) the questions that it reads from standard input, greedily, and
// compares with the answer that comes with each. One JSON object a line: {"question", "answer"}. Needs no package.
//
//     cargo run --release -p ring0-serve -- ../../ring0-demo-q8_0.gguf --port 8080
//     cargo run --release -p ring0-train -- --list | node ask.mjs http://127.0.0.1:8080 [EVERY]
//
// With EVERY = n only each nth question is asked. Exit code 0 where all agree.
import { createInterface } from 'node:readline'

const [base, every = '1'] = process.argv.slice(2)
if (base === undefined) {
    console.error('usage: node ask.mjs http://HOST:PORT [EVERY] < questions.jsonl')
    process.exit(2)
}

async function answer(question) {
    const response = await fetch(`${base}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages: [{ role: 'user', content: question }], temperature: 0, max_tokens: 128 }),
    })
    const body = await response.text()
    if (!response.ok) throw new Error(`${response.status} ${body}`)
    return JSON.parse(body).choices[0].message.content
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
console.log(`${base}: ${right} of ${asked} answers are the expected ones`)
process.exitCode = right === asked && asked > 0 ? 0 : 1
