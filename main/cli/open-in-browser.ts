import { startProcess } from '../process/index.ts';

/** Opens an address in the person's browser. @returns why that cannot be, or undefined */
export async function openInBrowser(
  url: string,
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  if (environment.SSH_CONNECTION !== undefined)
    return 'open the address in a browser; over SSH, forward the port first';
  if (platform === 'linux' && environment.DISPLAY === undefined && environment.WAYLAND_DISPLAY === undefined)
    return 'there is no display here: open the address in a browser, or forward the port with ssh -L';
  // The address has no letter that a shell or cmd would read as its own: a digit port and a base64url token.
  const [program, args] =
    platform === 'darwin'
      ? ['open', [url]]
      : platform === 'win32'
        ? ['rundll32', ['url.dll,FileProtocolHandler', url]]
        : ['xdg-open', [url]];
  const started = await startProcess(program, args);
  return started.ok ? undefined : `open the address in a browser; ${program} is not here to do it`;
}
