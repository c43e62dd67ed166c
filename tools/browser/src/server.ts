/** `@neurite/browser/server`: a local server for one page, its files from memory, and folders of files. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** What makes a page cross-origin isolated, so that it has SharedArrayBuffer. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export interface ServerOptions {
  readonly isolated: boolean;
  /** Content by path: `/index.html`. */
  readonly content: ReadonlyMap<string, string | Uint8Array>;
  /** Folders by the path that they are served under: `/vectors`. */
  readonly folders: Readonly<Record<string, string>>;
  /** Further headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where to listen (default: a free port). */
  readonly port?: number;
}

export interface Server {
  /** `http://localhost:PORT` */
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves to this machine alone. Rejects where the port is taken. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { content, folders, port = 0 } = options;
  const common = {
    'Cache-Control': 'no-store',
    ...(options.isolated ? ISOLATION : {}),
    ...options.headers,
  };
  async function respond(url: string, response: ServerResponse): Promise<void> {
    const path = pathOf(url);
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    const headers = { 'Content-Type': type, ...common };
    const made = content.get(path);
    if (made !== undefined) {
      response.writeHead(200, headers).end(made);
      return;
    }
    const file = fileFor(path, folders);
    const facts = file ? await stat(file).catch(() => undefined) : undefined;
    if (!file || !facts?.isFile()) {
      response.writeHead(404, common).end();
      return;
    }
    response.writeHead(200, { ...headers, 'Content-Length': facts.size });
    createReadStream(file)
      .on('error', () => response.destroy())
      .pipe(response);
  }

  const server = createServer((request, response) => {
    respond(request.url ?? '/', response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

/** The path of a request; a folder's is that of its page. */
function pathOf(url: string): string {
  const { pathname } = new URL(url, 'http://localhost');
  return decodeURIComponent(pathname).replace(/\/$/, '/index.html');
}

/** The file that a path stands for; undefined outside the folders. */
function fileFor(path: string, folders: Readonly<Record<string, string>>): string | undefined {
  for (const [prefix, folder] of Object.entries(folders)) {
    if (!path.startsWith(`${prefix}/`)) continue;
    const file = normalize(join(folder, path.slice(prefix.length)));
    if (file.startsWith(normalize(folder + sep))) return file;
  }
  return undefined;
}
