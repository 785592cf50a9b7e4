import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Who may talk to the server. It listens on loopback only, yet every web page that this computer's browser shows can send requests
 * there, and a hostile name server can make its own name point there (DNS rebinding). So: the Host header must name the loopback, an
 * Origin must be ours, and the token, which only the person at the terminal has seen, must come along.
 */

const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/;
const TOKEN = /^[A-Za-z0-9_-]{20,128}$/;

/** 256 random bits, in letters that need no escape in an address. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether a text can be a token at all. */
export function isTokenShaped(text: string): boolean {
  return TOKEN.test(text);
}

/** The Host header, if it names the loopback. The port is free: a tunnel (`ssh -L`) has another one than ours. */
export function loopbackHost(request: IncomingMessage): string | undefined {
  const { host } = request.headers;
  return host !== undefined && LOOPBACK.test(host) ? host : undefined;
}

/** Whether the request comes from our own page, or from no page. */
export function isOwnOrigin(request: IncomingMessage, host: string): boolean {
  const { origin } = request.headers;
  if (origin !== undefined) return origin === `http://${host}`;
  const site = request.headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return true;
  // Somebody else's link may lead here: the token decides. Somebody else's page may not load our files.
  return request.headers['sec-fetch-mode'] === 'navigate' && request.headers['sec-fetch-dest'] === 'document';
}

/** Cookies do not tell ports apart, so the port is in the name. */
function cookieName(host: string): string {
  return `ring0-${host.replace(/[^0-9a-z]/g, '-')}`;
}

/** Keeps the token out of reach of scripts and of every other site. */
export function tokenCookie(host: string, token: string): string {
  return `${cookieName(host)}=${token}; Path=/; HttpOnly; SameSite=Strict`;
}

/** Checks tokens in a time that tells nothing about the right one. */
export class TokenGuard {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = digest(token);
  }

  /** Whether the request brings the token: in its address, or in the cookie that we gave. */
  admits(request: IncomingMessage, address: URL, host: string): boolean {
    const name = `${cookieName(host)}=`;
    const cookies = (request.headers.cookie ?? '').split(';').map((it) => it.trim());
    const given = cookies.filter((it) => it.startsWith(name)).map((it) => it.slice(name.length));
    // Every candidate is compared, whatever the others were.
    return [...address.searchParams.getAll('token'), ...given]
      .slice(0, 8)
      .map((candidate) => timingSafeEqual(digest(candidate), this.#digest))
      .includes(true);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * The headers of every answer. Monaco and xterm write styles into elements; nothing else may be inline, and nothing comes from afar.
 * @param connect what the page may connect to beside its own origin, such as `ws://127.0.0.1:7070`
 */
export function securityHeaders(connect = ''): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${connect}`.trim(),
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), clipboard-read=(self)',
  };
}
