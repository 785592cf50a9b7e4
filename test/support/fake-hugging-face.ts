/** A server that gives one file as Hugging Face does: the checksum with a redirect, the bytes from a storage that knows ranges. */
import { createHash } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Disposable } from '../../app/base/disposable.ts';

export class FakeHuggingFace implements Disposable {
  /** `GET 100-`: what was asked of the storage. */
  readonly asked: string[] = [];
  /** The checksum that it names; another one is a file that was changed on the way. */
  sha256: string;
  /** After so many bytes of an answer nothing more comes until `letGo`. */
  holdAfter = Number.POSITIVE_INFINITY;
  readonly #file: Buffer;
  readonly #server: Server;
  #held: (() => void)[] = [];

  private constructor(file: Buffer) {
    this.#file = file;
    this.sha256 = createHash('sha256').update(file).digest('hex');
    this.#server = createServer((request, response) => {
      if (request.url === '/resolve/model.gguf') {
        const headers = { 'x-linked-etag': `"${this.sha256}"`, 'x-linked-size': file.length, location: '/storage' };
        response.writeHead(302, headers).end();
      } else if (request.method === 'HEAD') response.writeHead(200, { 'content-length': file.length }).end();
      else this.#send(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1], response);
    });
  }

  static async start(file: Buffer): Promise<FakeHuggingFace> {
    const made = new FakeHuggingFace(file);
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/resolve/model.gguf`;
  }

  letGo(): void {
    this.holdAfter = Number.POSITIVE_INFINITY;
    for (const release of this.#held.splice(0)) release();
  }

  dispose(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #send(range: string | undefined, response: ServerResponse): void {
    const start = Number(range ?? 0);
    this.asked.push(`GET ${start}-`);
    const all = this.#file.subarray(start);
    const headers = { 'content-length': all.length };
    if (range === undefined) response.writeHead(200, headers);
    else
      response.writeHead(206, {
        ...headers,
        'content-range': `bytes ${start}-${this.#file.length - 1}/${this.#file.length}`,
      });
    response.write(all.subarray(0, this.holdAfter));
    if (all.length <= this.holdAfter) response.end();
    else {
      const rest = all.subarray(this.holdAfter);
      this.#held.push(() => response.end(rest));
    }
  }
}
