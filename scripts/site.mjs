/**
 * Builds the site of the browser demo (`demo/web`), as static files for any host:
 *   index.html, sw.js          the page and the service worker that keeps it for offline use
 *   v-<hash>/                  everything else, under a name that changes with the content
 *   _headers                   the HTTP headers, as Netlify and Cloudflare Pages read them
 * All addresses are relative, so the folder may be served from anywhere. Nothing is fetched from other origins.
 */
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { bundle, listFiles, posixRelative } from "./bundle.mjs";

/** Nothing from elsewhere, no inline script or style, no eval; WebAssembly for the JPEG decoder. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "worker-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Headers of every answer. A page's `meta` cannot say `frame-ancestors`, and does not bind its workers: a header does. */
export const HEADERS = {
  "Content-Security-Policy": `${POLICY}; frame-ancestors 'none'`,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** @param {string} root of the project: whether it has a site */
export function hasSite(root) {
  return existsSync(join(root, "demo/web/index.html"));
}

/**
 * @param {string} root of the project, its kernels generated
 * @param {string} outdir a folder that does not exist yet
 * @returns {Promise<{ version: string }>} version: name of the folder with the files
 * @throws {import("./run.mjs").SetupError} naming the source that does not compile
 */
export async function buildSite(root, outdir) {
  const files = join(outdir, "files");
  mkdirSync(files, { recursive: true });
  await bundleSources(root, files);
  copyStatic(root, files);
  const version = `v-${contentHash(files)}`;
  renameSync(files, join(outdir, version));
  const page = readFileSync(join(root, "demo/web/index.html"), "utf8");
  writeFileSync(join(outdir, "index.html"), page.replaceAll("%CSP%", POLICY).replaceAll("%BASE%", version));
  await bundleServiceWorker(root, outdir, version);
  writeFileSync(join(outdir, "_headers"), headersFile());
  return { version };
}

/**
 * @param {string} root
 * @param {string} outdir
 */
async function bundleSources(root, outdir) {
  await bundle({
    entryPoints: {
      main: "demo/web/main.tsx",
      worker: "demo/web/worker/worker.ts",
      theme: "demo/web/theme.ts",
      app: "demo/web/styles/app.css",
    },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    splitting: true,
    platform: "browser",
    jsx: "automatic",
    jsxImportSource: "preact",
    chunkNames: "chunk-[hash]",
    define: { PACKAGE_VERSION: JSON.stringify(packageVersion(root)) },
    // zod compiles its checks by eval where it may; that it tries is a violation of the policy already.
    banner: { js: "(globalThis.__zod_globalConfig ??= {}).jitless = true;" },
    outdir,
  });
}

/**
 * @param {string} root
 * @returns {string}
 */
function packageVersion(root) {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
}

/**
 * @param {string} root
 * @param {string} outdir
 */
function copyStatic(root, outdir) {
  copyFileSync(join(root, "demo/web/icon.svg"), join(outdir, "icon.svg"));
  const assets = join(root, "demo/web/assets");
  if (existsSync(assets)) cpSync(assets, join(outdir, "assets"), { recursive: true });
  // The decoder looks for its WebAssembly beside the script that it is part of.
  const decoder = createRequire(join(root, "package.json")).resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  copyFileSync(decoder, join(outdir, "mozjpeg_dec.wasm"));
}

/**
 * @param {string} root
 * @param {string} outdir
 * @param {string} version
 */
async function bundleServiceWorker(root, outdir, version) {
  const kept = listFiles(join(outdir, version)).map((file) => posixRelative(outdir, file));
  const define = { FILES: JSON.stringify(["./", ...kept]), VERSION: JSON.stringify(version) };
  await bundle({
    entryPoints: ["demo/web/sw.ts"],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    platform: "browser",
    define,
    outfile: join(outdir, "sw.js"),
  });
}

/**
 * @param {string} folder
 * @returns {string} of the names and contents of its files
 */
function contentHash(folder) {
  const hash = createHash("sha256");
  for (const file of listFiles(folder)) {
    hash
      .update(`${posixRelative(folder, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 12);
}

function headersFile() {
  const lines = Object.entries(HEADERS).map(([name, value]) => `  ${name}: ${value}`);
  return ["/*", ...lines, "/v-*", "  Cache-Control: public, max-age=31536000, immutable", ""].join("\n");
}
