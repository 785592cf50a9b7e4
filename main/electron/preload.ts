/** Runs in the page's process, in a world and a sandbox of its own: three doors, and nothing of Node or Electron beyond them. */
import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron';

/** What of the page's own world is used here; the rest of this folder has no such names. */
declare const window: { postMessage(message: string, origin: string, ports: readonly unknown[]): void };
declare const location: { readonly origin: string };

const COMMAND = /^[a-zA-Z]+(\.[a-zA-Z]+){1,3}$/;

ipcRenderer.on('ring0:port', (event: IpcRendererEvent) => {
  // Ports cannot cross the bridge; they go as a message to the page itself.
  window.postMessage('ring0:port', location.origin, [...event.ports]);
});

contextBridge.exposeInMainWorld('ring0', {
  /** Asks for a new port to the service host: it comes as a message event with the data `ring0:port`. */
  requestPort: () => ipcRenderer.send('ring0:port'),
  /** The path of a model file that a person chose in the system's dialog, or null. */
  pickModel: (): Promise<unknown> => ipcRenderer.invoke('ring0:pick-model'),
  /** Calls back with the id of each command that the native menu asks for. */
  onCommand: (run: (id: string) => void) => {
    ipcRenderer.on('ring0:command', (_event, id: unknown) => {
      if (typeof id === 'string' && COMMAND.test(id)) run(id);
    });
  },
});
