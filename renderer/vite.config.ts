import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const monaco = dirname(fileURLToPath(import.meta.resolve('monaco-editor')));

/** Builds the page into dist/renderer. `npm run build:renderer`. */
export default defineConfig({
  root: import.meta.dirname,
  // Relative addresses, so that the page works under any prefix and from Electron's own protocol.
  base: './',
  plugins: [react()],
  resolve: {
    alias: [
      // Monaco brings the font of icons too, a newer one with all that we draw: the page carries one.
      {
        find: /^\.\/codicon\.ttf(\?.*)?$/,
        replacement: resolve(monaco, 'base/browser/ui/codicons/codicon/codicon.ttf'),
      },
    ],
  },
  worker: { format: 'es' },
  build: {
    outDir: resolve(import.meta.dirname, '..', 'dist', 'renderer'),
    emptyOutDir: true,
    target: 'es2023',
    // The content security policy allows no data: fonts and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 6000,
    reportCompressedSize: false,
  },
});
