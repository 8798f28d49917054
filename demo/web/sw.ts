/**
 * The service worker: keeps every file of one version of the site, so that it works without a server. Files of a version lie in
 * a folder named after their content, so two versions never mix; a new one takes over when no page of the old one is open.
 */

/** Both are filled in by scripts/web.mjs: the site's files, relative to its root, and the name of the version. */
declare const FILES: readonly string[];
declare const VERSION: string;

/** The part of a service worker's global scope that is used here; TypeScript's DOM library does not have it. */
interface Scope {
  readonly caches: CacheStorage;
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  addEventListener(kind: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(kind: "fetch", listener: (event: FetchEvent) => void): void;
}
interface ExtendableEvent {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;
const prefix = "equipoise ";
const name = `${prefix}${VERSION}`;

scope.addEventListener("install", (event) => {
  event.waitUntil(store());
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(dropOthers().then(() => scope.clients.claim()));
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(scope.registration.scope)) return;
  event.respondWith(request.mode === "navigate" ? navigate(request) : answer(request));
});

/** The cache is complete or it is not there. */
async function store(): Promise<void> {
  const cache = await scope.caches.open(name);
  try {
    await cache.addAll(FILES.map((file) => new Request(new URL(file, scope.registration.scope), { cache: "reload" })));
  } catch (error) {
    await scope.caches.delete(name);
    throw error;
  }
}

async function dropOthers(): Promise<void> {
  const names = await scope.caches.keys();
  const others = names.filter((other) => other.startsWith(prefix) && other !== name);
  await Promise.all(others.map((other) => scope.caches.delete(other)));
}

/** The page itself comes from the server where there is one, so that a new version is seen. */
async function navigate(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.ok) return response;
  } catch {
    // No server: the page that was kept.
  }
  return (await scope.caches.match(new URL("./", scope.registration.scope), { cacheName: name })) ?? Response.error();
}

async function answer(request: Request): Promise<Response> {
  return (await scope.caches.match(request, { ignoreSearch: true })) ?? fetch(request);
}
