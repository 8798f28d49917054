/**
 * Serves the browser demo: `npm run demo:web`, or `node scripts/web.mjs [--port N] [--host NAME]` after a build. The site is
 * static: any web server does as well (docs/embedding.md). stdout gets the address alone.
 */
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { isMain } from "./isMain.mjs";
import { SetupError, say } from "./run.mjs";
import { HEADERS } from "./site.mjs";

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".tif": "image/tiff",
  ".wasm": "application/wasm",
};

/**
 * @typedef {object} Served
 * @property {string} url with a slash at its end
 * @property {() => Promise<void>} close also ends connections that are open
 */

/**
 * Serves a folder of static files with the site's headers.
 * @param {string} folder
 * @param {{ host?: string, port?: number, headers?: Record<string, string> }} [options] port 0: any that is free
 * @returns {Promise<Served>}
 * @throws {SetupError} when the port is taken
 */
export async function serve(folder, { host = "localhost", port = 0, headers = HEADERS } = {}) {
  const server = createServer((request, response) => {
    answer(resolve(folder), request, response, headers).catch((error) => {
      say(`${request.url}: ${error.message}`);
      response.writeHead(500).end();
    });
  });
  await new Promise((done, fail) => {
    server.once("error", (error) => fail(cannotListen(host, port, error)));
    server.listen(port, host, () => done(undefined));
  });
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://${host}:${address.port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/**
 * @param {string} folder
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 * @param {Record<string, string>} headers
 */
async function answer(folder, request, response, headers) {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD" }).end();
    return;
  }
  const file = await fileOf(folder, request.url ?? "/");
  if (file === null) {
    response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" }).end("not found\n");
    return;
  }
  const versioned = file.slice(folder.length).startsWith(`${sep}v-`);
  const content = await readFile(file);
  response.writeHead(200, {
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
    "Content-Length": content.length,
    "Cache-Control": versioned ? "public, max-age=31536000, immutable" : "no-cache",
  });
  response.end(request.method === "HEAD" ? undefined : content);
}

/**
 * @param {string} folder
 * @param {string} url path and query
 * @returns {Promise<string | null>} the file; null if there is none, or not in the folder
 */
async function fileOf(folder, url) {
  let path = "";
  try {
    path = decodeURIComponent(url.split(/[?#]/, 1)[0] ?? "");
  } catch {
    return null;
  }
  const file = normalize(join(folder, path.endsWith("/") ? `${path}index.html` : path));
  if (!file.startsWith(folder + sep) || path.includes("\0")) return null;
  return (await stat(file).catch(() => null))?.isFile() ? file : null;
}

/**
 * @param {string} host
 * @param {number} port
 * @param {NodeJS.ErrnoException} error
 */
function cannotListen(host, port, error) {
  const why = error.code === "EADDRINUSE" ? "it is in use" : error.message;
  return new SetupError(
    `cannot serve on ${host}:${port}: ${why}. Choose another port: npm run demo:web -- --port 8200`,
  );
}

const FIRST_PORT = 8123;
const LAST_PORT = 8143;

/**
 * The first free port of a few, so that the address stays the same from one start to the next where it can: what the page has
 * stored in the browser belongs to the address.
 * @param {string} folder
 * @param {string} host
 */
async function serveNearby(folder, host) {
  for (let port = FIRST_PORT; ; port++) {
    try {
      return await serve(folder, { host, port });
    } catch (error) {
      if (port === LAST_PORT) throw error;
    }
  }
}

/** @param {string[]} args */
async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: "string" },
      host: { type: "string", default: "localhost" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    process.stdout.write("npm run demo:web -- [--port N] [--host NAME]   serves the browser demo\n");
    return;
  }
  const folder = resolve(import.meta.dirname, "../dist/web");
  if (!existsSync(folder)) throw new SetupError("dist/web does not exist: run `npm run build`, or `npm run demo:web`");
  const { port, host } = values;
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) <= 65535))
    throw new SetupError(`--port ${port}: give a number up to 65535`);
  const { url } =
    port === undefined ? await serveNearby(folder, host) : await serve(folder, { host, port: Number(port) });
  say(
    "Open this address in a browser with WebGPU (Chrome, Edge, Safari 26, Firefox). Ctrl-C ends it. The files are in dist/web.",
  );
  process.stdout.write(`${url}\n`);
}

if (isMain(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    say(`equipoise: ${error.message}`);
    process.exitCode = 1;
  });
}
