import type { ChatRequest, CompletionRequest } from '../../app/contract/index.ts';
import { CHAT_PATH, COMPLETION_PATH, chatBody, completionBody } from '../../app/wire/chat-body.ts';

/** The request that the chat service would send, as a command for a POSIX shell. */
export function curlCommand(apiUrl: string, request: ChatRequest | CompletionRequest) {
  const isChat = 'messages' in request;
  const url = `${apiUrl}${isChat ? CHAT_PATH : COMPLETION_PATH}`;
  const body = JSON.stringify(isChat ? chatBody(request) : completionBody(request), null, 2);
  const command = `curl -N ${quote(url)} \\\n  -H 'content-type: application/json' \\\n  -d ${quote(body)}`;
  return { command, url, body };
}

/** Single quotes keep everything but themselves (POSIX.1-2017, Shell Command Language, 2.2.2). */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
